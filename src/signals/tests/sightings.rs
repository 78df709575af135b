//! A bucket of what was seen.

use super::*;
use crate::signals::sightings::{
    LENGTH, MOST, MOST_PER_SUBJECT, PAIR, Pair, SUBJECT, Sightings, Terms,
};

const TERMS: Terms = Terms { new_for: 100, known_for: 1_600 };
const NOW: u32 = 10_000;

#[derive(Default)]
struct Bucket(Vec<u8>);

impl Bucket {
    fn see(&mut self, pair: Pair, now: u32) -> Result<bool, SignalError> {
        let seen = Sightings::read(&self.0, TERMS, now).unwrap().see(pair)?;
        if let Some(bucket) = seen.bucket {
            self.0 = bucket;
        }
        assert!(self.0.len() <= LENGTH);
        Ok(seen.pushed_out)
    }

    fn is_new(&self, pair: Pair, now: u32) -> bool {
        Sightings::read(&self.0, TERMS, now).unwrap().is_new(pair)
    }
}

fn pair(subject: usize, value: usize) -> Pair {
    let mut pair = Pair { subject: [1; SUBJECT], pair: [2; PAIR] };
    pair.subject[..4].copy_from_slice(&u32::try_from(subject).unwrap().to_be_bytes());
    pair.pair[..4].copy_from_slice(&pair.subject[..4]);
    pair.pair[4..8].copy_from_slice(&u32::try_from(value).unwrap().to_be_bytes());
    pair
}

#[test]
fn a_subject_that_floods_loses_one_of_its_known_values_at_most_and_takes_none_of_others() {
    for known in [1, MOST_PER_SUBJECT - 1, MOST_PER_SUBJECT] {
        let mut bucket = Bucket::default();
        (0..known).for_each(|value| assert_eq!(bucket.see(pair(1, value), NOW), Ok(false)));
        assert_eq!(bucket.see(pair(2, 0), NOW), Ok(false));
        let later = NOW + 200;
        for value in 100..1_000 {
            bucket.see(pair(1, value), later).unwrap();
        }
        let still_known = (0..known).filter(|value| !bucket.is_new(pair(1, *value), later));
        assert_eq!(still_known.count(), known.min(MOST_PER_SUBJECT - 1), "{known}");
        assert!(!bucket.is_new(pair(2, 0), later));
    }
}

#[test]
fn what_is_known_is_not_pushed_out_by_other_subjects_however_many() {
    let mut bucket = Bucket::default();
    let known = MOST / 2;
    (0..known).for_each(|subject| assert_eq!(bucket.see(pair(subject, 0), NOW), Ok(false)));
    let later = NOW + 200;
    for subject in 1_000..3_000 {
        bucket.see(pair(subject, 0), later).unwrap();
    }
    assert!((0..known).all(|subject| !bucket.is_new(pair(subject, 0), later)));
    // When all are known, nothing more is taken, until something is forgotten.
    let latest = later + 200;
    assert_eq!(bucket.see(pair(5_000, 0), latest), Err(SignalError::NoRoom));
    assert!(bucket.is_new(pair(5_000, 0), latest));
    assert_eq!(bucket.see(pair(2_999, 0), latest), Ok(false), "one that is there is seen again");
    assert_eq!(bucket.see(pair(5_000, 0), NOW + TERMS.known_for), Ok(false));
}

#[test]
fn a_subject_takes_one_new_value_of_others_at_most() {
    let mut bucket = Bucket::default();
    (0..MOST).for_each(|subject| assert_eq!(bucket.see(pair(subject, 0), NOW), Ok(false)));
    for value in 0..1_000 {
        assert_eq!(bucket.see(pair(5_000, value), NOW + 1), Ok(true));
    }
    let known = (0..MOST).filter(|subject| !bucket.is_new(pair(*subject, 0), NOW + 200));
    assert_eq!(known.count(), MOST - 1);
}

#[test]
fn what_is_no_bucket_is_told() {
    assert_eq!(Sightings::read(b"x", TERMS, NOW).err(), Some(SignalError::Unreadable));
}
