//! Caps: what fits, what is told, and that the last cent is given once.

use std::thread;

use super::*;

const DOLLAR_A_MILLION: Price = Price {
    input_per_mtok_usd: 1.0,
    cached_per_mtok_usd: None,
    cache_write_per_mtok_usd: None,
    output_per_mtok_usd: 1.0,
};

fn account(yaml: &str, session_before: u64) -> Arc<Account> {
    let budget: Budget = serde_saphyr::from_str(yaml).unwrap();
    let caps = budget.caps().unwrap();
    let ledger = Arc::new(Ledger::in_memory());
    Arc::new(Account::new(&budget, caps, ledger, session_before))
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

fn reserve(account: &Arc<Account>, role: Role, amount: u64) -> Result<Hold, Error> {
    account.reserve(role, "p/m", Some(DOLLAR_A_MILLION), tokens(0, amount))
}

#[test]
fn each_scope_stops_what_does_not_fit() {
    let cap =
        "{run_usd: 0.0001, session_usd: 0.00025, day_usd: 0.001, role_usd: {critic: 0.00005}}";
    let run = account(cap, 100);
    assert_eq!(
        reserve(&run, Role::Critic, 51).unwrap_err(),
        Error::Budget {
            scope: Scope::Role(Role::Critic),
            limit: 50,
            spent: 0
        }
    );
    let hold = reserve(&run, Role::Critic, 50).unwrap();
    assert!(
        reserve(&run, Role::Coder, 51).is_err(),
        "what is held is not free"
    );
    assert_eq!(hold.settle(Some(tokens(0, 20))), Some(20));
    let error = reserve(&run, Role::Coder, 81).unwrap_err();
    assert_eq!(
        error,
        Error::Budget {
            scope: Scope::Run,
            limit: 100,
            spent: 20
        }
    );
    run.raise(Scope::Run, 1000);
    let error = reserve(&run, Role::Coder, 131).unwrap_err();
    assert_eq!(
        error,
        Error::Budget {
            scope: Scope::Session,
            limit: 250,
            spent: 120
        }
    );
    run.raise(Scope::Session, u64::MAX);
    assert!(
        reserve(&run, Role::Coder, 980).is_ok(),
        "dropped, which costs what was received: nothing"
    );
    let error = reserve(&run, Role::Coder, 981).unwrap_err();
    assert_eq!(
        error,
        Error::Budget {
            scope: Scope::Day,
            limit: 1000,
            spent: 20
        }
    );
    run.raise(Scope::Day, 1);
    reserve(&run, Role::Coder, 981)
        .unwrap()
        .settle(Some(tokens(981, 0)));
    let spent = run.spent();
    assert_eq!((spent.run, spent.session, spent.day), (1001, 1101, 1001));
    assert_eq!(
        spent.roles,
        BTreeMap::from([(Role::Critic, 20), (Role::Coder, 981)])
    );
}

#[test]
fn a_dropped_hold_settles_with_what_was_sent_and_received() {
    let run = account("{run_usd: 1}", 0);
    let mut hold = run
        .reserve(Role::Coder, "p/m", Some(DOLLAR_A_MILLION), tokens(70, 1000))
        .unwrap();
    hold.received = 9;
    drop(hold);
    assert_eq!(run.spent().run, 73);
    reserve(&run, Role::Coder, 5).unwrap().settle(None);
    assert_eq!(run.spent().run, 73, "a refusal costs nothing");
    assert_eq!(run.tab.lock().run.held, 0);
}

#[test]
fn the_last_cent_is_given_once() {
    for _ in 0..50 {
        let run = account("{run_usd: 0.01, day_usd: 0.01}", 0);
        let start = std::sync::Barrier::new(8);
        let got = thread::scope(|scope| {
            let takers = (0..8).map(|_| {
                scope.spawn(|| {
                    start.wait();
                    reserve(&run, Role::Coder, 3_000).ok()
                })
            });
            let takers: Vec<_> = takers.collect();
            let holds = takers.into_iter().filter_map(|taker| taker.join().unwrap());
            holds.collect::<Vec<Hold>>()
        });
        assert_eq!(got.len(), 3);
        for hold in got {
            hold.settle(Some(tokens(3_000, 0)));
        }
        assert_eq!(run.spent().run, 9_000);
    }
}

#[test]
fn a_warning_is_told_once_and_again_behind_a_raise() {
    let run = account("{run_usd: 0.0001, day_usd: 0.0002, warn_percent: 80}", 0);
    reserve(&run, Role::Coder, 79)
        .unwrap()
        .settle(Some(tokens(79, 0)));
    assert_eq!(run.warnings(), []);
    reserve(&run, Role::Coder, 1)
        .unwrap()
        .settle(Some(tokens(1, 0)));
    assert_eq!(
        run.warnings(),
        [Level {
            scope: Scope::Run,
            spent: 80,
            limit: 100
        }]
    );
    assert_eq!(run.warnings(), []);
    run.raise(Scope::Run, 100);
    assert_eq!(run.warnings(), []);
    reserve(&run, Role::Coder, 90)
        .unwrap()
        .settle(Some(tokens(90, 0)));
    let limit = 200;
    assert_eq!(
        run.warnings(),
        [
            Level {
                scope: Scope::Run,
                spent: 170,
                limit
            },
            Level {
                scope: Scope::Day,
                spent: 170,
                limit
            }
        ]
    );
}

#[test]
fn a_free_model_always_fits_and_an_unknown_price_by_config() {
    let run = account("{run_usd: 0}", 0);
    let free = Price {
        input_per_mtok_usd: 0.0,
        output_per_mtok_usd: 0.0,
        ..DOLLAR_A_MILLION
    };
    assert!(
        run.reserve(Role::Coder, "p/m", Some(free), tokens(9, 9))
            .is_ok()
    );
    assert!(reserve(&run, Role::Coder, 1).is_err());
    assert!(run.reserve(Role::Coder, "p/m", None, tokens(9, 9)).is_ok());
    assert!(run.is_news(Role::Coder, "p/m", None) && !run.is_news(Role::Coder, "p/m", None));
    let strict = account("{role_usd: {critic: 1}, unknown_price: refuse}", 0);
    let error = strict
        .reserve(Role::Critic, "p/m", None, tokens(9, 9))
        .unwrap_err();
    assert!(error.to_string().contains("p/m has no price"), "{error}");
    assert!(
        strict
            .reserve(Role::Coder, "p/m", None, tokens(9, 9))
            .is_ok(),
        "no cap is near it"
    );
    assert_eq!(strict.spent(), Spent::default());
}

#[test]
fn a_hold_counts_what_a_cache_may_cost_to_write() {
    let run = account("{run_usd: 0.0001}", 0);
    let price = Price {
        cache_write_per_mtok_usd: Some(1.25),
        ..DOLLAR_A_MILLION
    };
    assert!(
        run.reserve(Role::Coder, "p/m", Some(price), tokens(81, 0))
            .is_err()
    );
    assert!(
        run.reserve(Role::Coder, "p/m", Some(price), tokens(80, 0))
            .is_ok()
    );
}

#[test]
fn sums_stop_at_the_largest_number() {
    let run = account("{}", u64::MAX);
    for _ in 0..3 {
        reserve(&run, Role::Coder, u64::MAX)
            .unwrap()
            .settle(Some(tokens(u64::MAX, u64::MAX)));
    }
    let spent = run.spent();
    assert_eq!(
        (spent.run, spent.session, spent.day),
        (u64::MAX, u64::MAX, u64::MAX)
    );
}

#[test]
fn a_budget_that_makes_no_sense_names_its_key() {
    for (yaml, says) in [
        ("{run_usd: -1}", "budget.run_usd"),
        ("{day_usd: .nan}", "budget.day_usd"),
        ("{session_usd: .inf}", "budget.session_usd"),
        ("{role_usd: {painter: 1}}", "budget.role_usd.painter"),
        ("{role_usd: {coder: 1e10}}", "budget.role_usd.coder"),
        ("{warn_percent: 101}", "budget.warn_percent"),
    ] {
        let budget: Budget = serde_saphyr::from_str(yaml).unwrap();
        let error = budget.caps().unwrap_err().to_string();
        assert!(error.contains(says), "{yaml}: {error}");
    }
    assert!(serde_saphyr::from_str::<Budget>("{run: 1}").is_err());
}
