//! Which of two demands asks for more.

use std::time::Duration;

use crate::policy::{Demand, Ladder, LevelId, Policy, Requirement};

/// A ladder on each side of a comparison.
pub(super) struct Ladders<'c>(pub(super) &'c Ladder, pub(super) &'c Ladder);

impl Ladders<'_> {
    /// Whether `proven`, a level of the first ladder, satisfies `asked`, one of the second.
    fn satisfies(&self, proven: LevelId, asked: LevelId) -> bool {
        let (proven, asked) = (self.0.name(proven), self.1.name(asked));
        let in_one = |ladder: &Ladder| {
            let of = |name: &str| ladder.iter().find(|(_, level)| *level.name == *name);
            let ((_, proven), (asked, _)) = (of(proven)?, of(asked)?);
            Some(proven.satisfies.contains(asked))
        };
        let both = [in_one(self.0), in_one(self.1)];
        // That a ladder itself has changed is told on its own.
        proven == asked || (both.contains(&Some(true)) && !both.contains(&Some(false)))
    }

    /// Whether every token that meets `narrow`, of the first side, meets `wide`, of the second.
    pub(super) fn within(&self, narrow: Option<&Demand>, wide: Option<&Demand>) -> bool {
        let Some(wide) = wide else { return true };
        let Some(narrow) = narrow else { return false };
        self.levels_within(narrow, wide)
            && wide.scopes.iter().all(|scope| narrow.scopes.contains(scope))
    }

    /// The same, scopes aside.
    pub(super) fn levels_within(&self, narrow: &Demand, wide: &Demand) -> bool {
        let meets = |one: &Requirement, other: &Requirement| {
            let age = |one: &Requirement| one.max_age.unwrap_or(Duration::MAX);
            self.satisfies(one.level, other.level) && age(one) <= age(other)
        };
        wide.alternatives.is_empty()
            || (!narrow.alternatives.is_empty()
                && narrow
                    .alternatives
                    .iter()
                    .all(|one| wide.alternatives.iter().any(|other| meets(one, other))))
    }
}

/// Whether a policy asks for less than another, whatever their raises add.
pub(super) fn is_weaker(weak: &Policy, strong: &Policy, levels: &Ladder) -> bool {
    let ladders = Ladders(levels, levels);
    let within = |narrow: &Policy, wide: &Policy| {
        ladders.within(narrow.demand.as_ref(), wide.demand.as_ref())
    };
    within(strong, weak) && !within(weak, strong)
}
