//! The states of a breaker, by a clock that the tests set.

use super::*;

fn ask(breakers: &Breakers, now: Instant, health: Health) -> Option<BreakerState> {
    match breakers.admit("p/m", now, Last::No) {
        Admission::Asked(mut pass) => {
            let probe = std::mem::take(&mut pass.probe);
            breakers.settle("p/m", probe, health, now)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_opens_probes_once_and_grows_to_five_minutes() {
    let breakers = Breakers::new(BreakerConfig::default());
    let mut now = Instant::now();
    for _ in 0..4 {
        assert_eq!(ask(&breakers, now, Health::Ill), None);
    }
    assert_eq!(ask(&breakers, now, Health::Unknown), None);
    assert_eq!(ask(&breakers, now, Health::Ill), Some(BreakerState::Open));
    for seconds in [30, 60, 120, 240, 300, 300] {
        let span = Duration::from_secs(seconds);
        match breakers.admit("p/m", now + span - Duration::from_secs(1), Last::No) {
            Admission::Resting(left) => assert_eq!(left, Duration::from_secs(1)),
            other => panic!("{other:?}"),
        }
        now += span;
        let probe = breakers.admit("p/m", now, Last::No);
        assert!(matches!(&probe, Admission::Asked(pass) if pass.is_probe()));
        assert!(matches!(
            breakers.admit("p/m", now, Last::Yes),
            Admission::Probed
        ));
        // Dropped as by a cancel: the next call probes.
        drop(probe);
        assert_eq!(ask(&breakers, now, Health::Ill), Some(BreakerState::Open));
        assert_eq!(breakers.view()[0].1, BreakerState::Open);
    }
    now += BreakerConfig::default().longest();
    assert_eq!(
        ask(&breakers, now, Health::Well),
        Some(BreakerState::Closed)
    );
    assert_eq!(
        breakers.view(),
        [("p/m".to_owned(), BreakerState::Closed, 0)]
    );
}

#[test]
fn only_failures_in_a_row_open_it() {
    let breakers = Breakers::new(BreakerConfig::default());
    let now = Instant::now();
    for round in 0..20 {
        let health = if round % 5 == 4 {
            Health::Well
        } else {
            Health::Ill
        };
        assert_eq!(ask(&breakers, now, health), None, "{round}");
    }
}

#[test]
fn the_last_candidate_is_probed_before_its_time() {
    let breakers = Breakers::new(BreakerConfig::default());
    let now = Instant::now();
    for _ in 0..5 {
        ask(&breakers, now, Health::Ill);
    }
    assert!(matches!(
        breakers.admit("p/m", now, Last::No),
        Admission::Resting(_)
    ));
    assert!(matches!(
        breakers.admit("p/m", now, Last::Yes),
        Admission::Asked(_)
    ));
    assert_eq!(
        breakers.due("p/m", now),
        now + BreakerConfig::default().first()
    );
    assert_eq!(breakers.due("p/other", now), now);
}

#[tokio::test]
async fn a_call_can_wait_for_the_probe_of_another() {
    let breakers = std::sync::Arc::new(Breakers::new(BreakerConfig::default()));
    let now = Instant::now();
    for _ in 0..5 {
        ask(&breakers, now, Health::Ill);
    }
    let probe = breakers.admit("p/m", now, Last::Yes);
    let waiting = tokio::spawn({
        let breakers = std::sync::Arc::clone(&breakers);
        async move { breakers.probed("p/m").await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    drop(probe);
    tokio::time::timeout(Duration::from_secs(5), waiting)
        .await
        .unwrap()
        .unwrap();
}
