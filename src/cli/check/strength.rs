//! Which of two demands asks for more.

use crate::policy::{Demand, Ladder, Policy, Requirement};

/// Whether whoever meets `strong` meets `weak` too. `false` where it cannot be told.
pub(super) fn implies(strong: &Requirement, weak: &Requirement, levels: &Ladder) -> bool {
    let satisfies = levels.get(strong.level).is_some_and(|l| l.satisfies.contains(weak.level));
    satisfies && weak.max_age.is_none_or(|weak| strong.max_age.is_some_and(|age| age <= weak))
}

/// Whether whoever meets one of the alternatives of `strong` meets one of `weak` too.
pub(super) fn any_implies(strong: &Demand, weak: &Demand, levels: &Ladder) -> bool {
    let met = |a: &Requirement| weak.alternatives.iter().any(|b| implies(a, b, levels));
    weak.alternatives.is_empty()
        || !strong.alternatives.is_empty() && strong.alternatives.iter().all(met)
}

fn is_at_least(strong: &Policy, weak: &Policy, levels: &Ladder) -> bool {
    match (&strong.demand, &weak.demand) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(strong), Some(weak)) => {
            any_implies(strong, weak, levels)
                && weak.scopes.iter().all(|scope| strong.scopes.contains(scope))
        }
    }
}

/// Whether a policy asks for less than another, whatever their raises add.
pub(super) fn is_weaker(weak: &Policy, strong: &Policy, levels: &Ladder) -> bool {
    is_at_least(strong, weak, levels) && !is_at_least(weak, strong, levels)
}
