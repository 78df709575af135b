//! Comparisons that could only be true, false or in doubt for every request.

use super::*;

fn expect(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        let found = mistakes(source, Scope::Request);
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{source}: {found:?}");
    }
}

#[test]
fn comparisons_of_numbers_as_text_and_of_levels_by_name_are_mistakes() {
    expect(&[
        (
            "request.body.amount > '1000'",
            "column 24: '1000' is text, of which > compares letter by letter; write \
             decimal(request.body.amount) > decimal('1000')",
        ),
        (
            "'0.5' <= request.headers['x-risk']",
            "write decimal('0.5') <= decimal(request.headers['x-risk'])",
        ),
        ("request.query.n < '1e3'", "compares letter by letter"),
        (
            "request.query.n < 5",
            "a string and an int cannot be compared by <; write decimal(request.query.n) < decimal('5')",
        ),
        (
            "level > 'mfa'",
            "level > 'mfa' asks for an order of names; write level >= 'mfa' for a token that",
        ),
        ("'mfa' >= level", "level <= 'mfa' asks for an order of names; write level >= 'mfa'"),
        ("level >= claims.x", "write level >= 'name'"),
        ("level == 'mfaa'", "no level is named \"mfaa\"; did you mean \"mfa\"?"),
        ("level >= 'mfaa'", "no level is named \"mfaa\"; did you mean \"mfa\"?"),
        ("level in ['mfa', 'pasword']", "did you mean \"password\"?"),
        (
            "source.ip in ['10.0.0.0/8']",
            "an ip cannot be in a list; '10.0.0.0/8' is a string there; write source.ip in \
             cidr('10.0.0.0/8')",
        ),
        ("source.ip in ['10.0.0.1']", "write ip('10.0.0.1')"),
    ]);
}

#[test]
fn what_can_be_in_no_list_and_what_no_time_has_are_mistakes() {
    expect(&[
        ("request.size in [5, '6']", "'6' is a string there; write 6"),
        ("source.ip in feeds.devices", "an ip cannot be in a feed of strings; expected a string"),
        (
            "claims.sub in feeds.revoked",
            "write claims.auth_time < feeds.revoked.notBefore(claims.sub)",
        ),
        ("source.address in feeds.bad", "it has a port too; write source.ip"),
        (
            "request.headers['x-real-ip'] in feeds.bad",
            "a string cannot be in a feed of networks; write ip(request.headers['x-real-ip'])",
        ),
        ("'x' in feeds.bad", "\"x\" is no address; expected one such as"),
        ("source.address in cidr('10.0.0.0/8')", "write source.ip"),
        ("cidr('10.0.0.0/8').containsIP(request.query.ip)", "write ip(request.query.ip)"),
        (
            "feeds.bad.notBefore(claims.sub) > 5",
            "notBefore is called with (a value of any type) of a feed of networks; expected \
             notBefore(a string) of a feed of type not_before",
        ),
        (
            "request.time.getHours('Europe/Berlin') > 25",
            "getHours > 25 is never true; expected a number with which getHours, which is from 0 to \
             23, compares in both ways",
        ),
        ("24 == request.time.getHours()", "getHours == 24 is never true"),
        ("request.time.getMonth() != 12", "getMonth != 12 is always true"),
        ("request.time.getDayOfWeek() >= 0", "getDayOfWeek >= 0 is always true"),
        ("request.time.getDate() < 1", "getDate < 1 is never true"),
        ("request.time.getMinutes() >= 60", "getMinutes >= 60 is never true"),
    ]);
}
