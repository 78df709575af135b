use super::*;
use MalformedCredentials::{BadEncoding, Empty, Several};

fn header(name: &str, scheme: Scheme) -> Place {
    Place::Header { name: name.into(), scheme }
}

fn everywhere() -> Vec<Place> {
    vec![
        header("authorization", Scheme::Bearer),
        header("authorization", Scheme::DPoP),
        header("x-token", Scheme::None),
        Place::Cookie("token".into()),
        Place::Query("token".into()),
    ]
}

type Outcome = Result<Option<(String, Scheme)>, MalformedCredentials>;

fn found_in(places: &[Place], pairs: &[(&str, &str)]) -> Outcome {
    let pairs = pairs.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())).collect();
    let headers = Headers::new(pairs);
    let found = extract(&headers, places, &|_| None).map_err(|unclear| unclear.why)?;
    Ok(found.map(|found| (String::from_utf8_lossy(&found.token).into_owned(), found.scheme)))
}

fn found(pairs: &[(&str, &str)]) -> Outcome {
    found_in(&everywhere(), pairs)
}

fn token(token: &str, scheme: Scheme) -> (String, Scheme) {
    (token.to_owned(), scheme)
}

#[test]
fn one_token_is_found_whatever_the_case_of_the_scheme() {
    for value in ["Bearer abc", "bearer abc", "BEARER   abc", " Bearer abc "] {
        let expected = Ok(Some(token("abc", Scheme::Bearer)));
        assert_eq!(found(&[("authorization", value)]), expected, "{value}");
    }
    for value in ["DPoP abc", "dpop abc", "DPOP\tabc"] {
        assert_eq!(
            found(&[("authorization", value)]),
            Ok(Some(token("abc", Scheme::DPoP))),
            "{value}"
        );
    }
    assert_eq!(found(&[("x-token", " abc ")]), Ok(Some(token("abc", Scheme::None))));
}

#[test]
fn a_jwt_that_no_place_reads_is_refused_beside_one_that_is_read() {
    // {"alg":"none"} and {"a":1}, without a signature.
    const JWT: &str = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.";
    for (name, value) in [
        ("authorization", "Token JWT"),
        ("authorization", "JWT"),
        ("authorization", "Basic JWT"),
        ("authorization", "access JWT"),
        ("authoriz_tion", "Token JWT"),
    ] {
        let value = value.replace("JWT", JWT);
        let sent = [(name, &*value), ("cookie", "token=abc")];
        let expected = if name == "authorization" {
            Err(Several)
        } else {
            Ok(Some(token("abc", Scheme::None)))
        };
        assert_eq!(found(&sent), expected, "{name}: {value}");
        // With one place, the application's own credentials beside it are its own.
        let only = [Place::Cookie("other".into()), header("authorization", Scheme::Bearer)];
        assert_eq!(found_in(&only, &sent), Ok(None), "{name}: {value}");
    }
    let sent = [("x_token", &*format!("Token {JWT}")), ("cookie", "token=abc")];
    assert_eq!(found(&sent), Err(Several));
    let known = format!("Bearer {JWT}");
    assert_eq!(found(&[("authorization", &*known)]), Ok(Some(token(JWT, Scheme::Bearer))));
    let one = [header("authorization", Scheme::Bearer), header("authorization", Scheme::DPoP)];
    assert_eq!(found_in(&one, &[("authorization", &*known)]), Ok(Some(token(JWT, Scheme::Bearer))));
}

#[test]
fn what_is_remembered_is_asked_about_once_and_only_where_nothing_else_stands() {
    let places = everywhere();
    let asked = std::cell::RefCell::new(Vec::new());
    let memory = |token: &[u8]| {
        asked.borrow_mut().push(String::from_utf8_lossy(token).into_owned());
        None
    };
    for (value, expected) in [
        ("Bearer abc", &["abc"][..]),
        ("dpop abc", &["abc"]),
        ("Bearer  abc", &[" abc"]),
        ("Bearer\tabc", &[]),
        ("Bearer", &[]),
        ("Basic abc", &[]),
    ] {
        let pairs = vec![("authorization".to_owned(), value.as_bytes().to_vec())];
        let _ = extract(&Headers::new(pairs), &places, &memory);
        assert_eq!(asked.take(), expected, "{value}");
    }
    // Two headers are two headers, whatever is remembered.
    for second in ["authorization", "authorisation"] {
        let pairs = ["authorization", second].map(|n| (n.to_owned(), b"Bearer abc".to_vec()));
        let headers = Headers::new(pairs.to_vec());
        let is_twice = second == "authorization";
        assert_eq!(extract(&headers, &places, &memory).is_err(), is_twice);
        assert_eq!(asked.take().is_empty(), is_twice);
    }
}

#[test]
fn other_credentials_are_no_token() {
    for value in ["", "Basic YTpi", "Bearerabc", "DPoPabc", "Digest a=b, c=d"] {
        assert_eq!(found(&[("authorization", value)]), Ok(None), "{value}");
    }
    assert_eq!(found(&[]), Ok(None));
    assert_eq!(found(&[("x-token", "")]), Ok(None));
    // What stands in no configured place is not looked at.
    let only = [Place::Cookie("token".into())];
    let pairs = [("authorization", "Bearer a"), ("cookie", "token=b"), (":path", "/?token=c")];
    assert_eq!(found_in(&only, &pairs), Ok(Some(token("b", Scheme::None))));
    let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
    assert_eq!(found_in(&only, &twice), Ok(None));
}

#[test]
fn more_than_one_value_of_a_header_is_refused() {
    let sent = |values: &[&'static str]| {
        found(&values.iter().map(|value| ("authorization", *value)).collect::<Vec<_>>())
    };
    assert_eq!(sent(&["Bearer a", "Bearer b"]), Err(Several));
    assert_eq!(sent(&["Basic a", "Bearer b"]), Err(Several));
    assert_eq!(sent(&["Bearer a, Bearer b"]), Err(Several));
    assert_eq!(sent(&["Bearer a, DPoP b"]), Err(Several));
    assert_eq!(sent(&["Basic a,bearer b"]), Err(Several));
    assert_eq!(sent(&["Basic a,dpop b"]), Err(Several));
    assert_eq!(sent(&["Bearer a,b"]), Err(Several));
    assert_eq!(sent(&["Bearer"]), Err(Empty));
    assert_eq!(sent(&["dpop  "]), Err(Empty));
    assert_eq!(found(&[("x-token", "a"), ("x-token", "a")]), Err(Several));
    assert_eq!(found(&[("x-token", "a,b")]), Err(Several));
}

#[test]
fn a_cookie_is_found_among_others() {
    for (values, expected) in [
        (&["token=abc"][..], Ok(Some(token("abc", Scheme::None)))),
        (&["a=b; token=abc; c=d"], Ok(Some(token("abc", Scheme::None)))),
        (&["a=b;token=abc;"], Ok(Some(token("abc", Scheme::None)))),
        (&["a=b", "token=abc", "c=d"], Ok(Some(token("abc", Scheme::None)))),
        (&["token=\"abc\""], Ok(Some(token("abc", Scheme::None)))),
        (&[" token = abc "], Ok(Some(token("abc", Scheme::None)))),
        (&["token=a=b"], Ok(Some(token("a=b", Scheme::None)))),
        (&["token=\"abc"], Ok(Some(token("\"abc", Scheme::None)))),
        (&["token=a%2Eb"], Ok(Some(token("a%2Eb", Scheme::None)))),
        (&["token=", "token=abc"], Ok(Some(token("abc", Scheme::None)))),
        (&["token="], Ok(None)),
        (&["token=\"\""], Ok(None)),
        (&["token"], Ok(None)),
        (&[""], Ok(None)),
        (&["tokens=abc; xtoken=abc; a=token=abc"], Ok(None)),
        (&["token=a; token=a"], Err(Several)),
        (&["token=a", "b=c; token=d"], Err(Several)),
    ] {
        let pairs = values.iter().map(|value| ("cookie", *value)).collect::<Vec<_>>();
        assert_eq!(found(&pairs), expected, "{values:?}");
    }
}

#[test]
fn a_query_parameter_is_found_as_servers_read_it() {
    for (target, expected) in [
        ("/?token=abc", Ok(Some(token("abc", Scheme::None)))),
        ("/a?b=c&token=a.b-c_d&e", Ok(Some(token("a.b-c_d", Scheme::None)))),
        ("/?token=a%2eb%2Ec", Ok(Some(token("a.b.c", Scheme::None)))),
        ("/?%74oken=abc", Ok(Some(token("abc", Scheme::None)))),
        ("/?token=a+b%2Bc", Ok(Some(token("a b+c", Scheme::None)))),
        ("/?token=a?b=c", Ok(Some(token("a?b=c", Scheme::None)))),
        ("/?token=%FF", Ok(Some(token("\u{fffd}", Scheme::None)))),
        ("/?token=&token=abc", Ok(Some(token("abc", Scheme::None)))),
        ("/?token", Ok(None)),
        ("/?token=", Ok(None)),
        ("/?tokens=abc&xtoken=abc&b=token=abc", Ok(None)),
        ("/token=abc", Ok(None)),
        ("/?token=a&token=b", Err(Several)),
        ("/?token=a&t%6Fken=b", Err(Several)),
        ("/a%3Ftoken=a", Err(Several)),
        ("/a%3fb&token=a?token=b", Err(Several)),
        ("/a%3Fb?token=a", Ok(Some(token("a", Scheme::None)))),
        ("/?token=a%", Err(BadEncoding)),
        ("/?token=a%2", Err(BadEncoding)),
        ("/?token=a%zz", Err(BadEncoding)),
        ("/?token=%%41", Err(BadEncoding)),
        ("/?b=%zz&token=a", Ok(Some(token("a", Scheme::None)))),
    ] {
        assert_eq!(found(&[(":path", target)]), expected, "{target}");
    }
}

#[test]
fn tokens_in_two_places_are_refused() {
    let places = [
        ("authorization", "Bearer a"),
        ("x-token", "a"),
        ("cookie", "token=a"),
        (":path", "/?token=a"),
    ];
    for (index, first) in places.iter().enumerate() {
        for second in places.iter().skip(index + 1) {
            assert_eq!(found(&[*first, *second]), Err(Several), "{first:?} {second:?}");
        }
    }
    // Credentials of another scheme are no token.
    let beside = [("authorization", "Basic YTpi"), ("cookie", "token=a")];
    assert_eq!(found(&beside), Ok(Some(token("a", Scheme::None))));
}

#[test]
fn what_only_some_servers_take_for_a_token_is_refused_alone_and_beside_one() {
    let good = [
        ("authorization", "Bearer a"),
        ("x-token", "a"),
        ("cookie", "token=a"),
        (":path", "/?token=a"),
    ];
    for alike in [
        ("cookie", "a=b token=x"),
        ("cookie", "a=b, token=x"),
        ("cookie", "Token=x"),
        ("cookie", "t%6Fken=x"),
        ("cookie", "token[]=x"),
        (":path", "/?[token]=x"),
        (":path", "/?%5Btoken%5D=x"),
        (":path", "/?TOKEN=x"),
        (":path", "/?+token=x"),
        (":path", "/?token%00x=x"),
        (":path", "/?token[]=x"),
        (":path", "/?a;token=x"),
        ("x_token", "x"),
        ("authorization", "Bearer\u{a0}x"),
        ("authorization", "Bearer:x"),
        ("authorization", "Basic a Bearer x"),
        ("authorization", "dpop\u{85}x"),
    ] {
        assert_eq!(found(&[alike]), Err(Several), "{alike:?}");
        for good in good.iter().filter(|(name, _)| *name != alike.0) {
            assert_eq!(found(&[*good, alike]), Err(Several), "{good:?} {alike:?}");
        }
    }
    for both in [
        ("cookie", "token=a; a=b token=x"),
        ("cookie", "token=a, token=x"),
        ("cookie", "Token=x; token=a"),
        (":path", "/?token=a&Token=x"),
        (":path", "/?[token]=x&token=a"),
        (":path", "/?token=a;token=x"),
        ("authorization", "Bearer Bearer a"),
        ("authorization", "Bearer DPoP a"),
    ] {
        assert_eq!(found(&[both]), Err(Several), "{both:?}");
    }
    // Empty ones are no token to anyone.
    for (name, value) in [("cookie", "Token=; token=a"), (":path", "/?Token=&[token]&token=a")] {
        assert_eq!(found(&[(name, value)]), Ok(Some(token("a", Scheme::None))), "{value}");
    }
}

#[test]
fn the_scheme_of_credentials_that_are_refused_is_told() {
    let scheme = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        let headers = Headers::new(pairs.collect());
        extract(&headers, &everywhere(), &|_| None).unwrap_err().scheme
    };
    assert_eq!(scheme(&[("authorization", "DPoP")]), Some(Scheme::DPoP));
    assert_eq!(scheme(&[("authorization", "Bearer")]), Some(Scheme::Bearer));
    assert_eq!(scheme(&[("authorization", "dpop a"), ("cookie", "token=b")]), Some(Scheme::DPoP));
    assert_eq!(scheme(&[("authorization", "Bearer a, DPoP b")]), Some(Scheme::DPoP));
    assert_eq!(scheme(&[("cookie", "token=a; token=b")]), None);
}
