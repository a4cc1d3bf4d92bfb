//! Transitions between phases, as one table, and what a tool may do in each (A1). The table is total: a pair of phases that
//! is not in it cannot be passed.

use crate::config::Profile;
use protocol::{Code, Failure, Phase, ToolKind};

/// Every allowed transition, in the order of a plain task. `docs/agent.md` draws it from here.
pub const TRANSITIONS: &[(Phase, Phase)] = &[
    (Phase::Intake, Phase::Context),
    (Phase::Context, Phase::Plan),
    (Phase::Context, Phase::Act),
    (Phase::Plan, Phase::Tool),
    (Phase::Plan, Phase::Act),
    (Phase::Act, Phase::Tool),
    (Phase::Tool, Phase::Plan),
    (Phase::Tool, Phase::Act),
    (Phase::Tool, Phase::Repair),
    (Phase::Act, Phase::Check),
    (Phase::Repair, Phase::Check),
    (Phase::Repair, Phase::Tool),
    (Phase::Check, Phase::Reflect),
    (Phase::Check, Phase::Test),
    (Phase::Check, Phase::Repair),
    (Phase::Check, Phase::Propose),
    (Phase::Reflect, Phase::Test),
    (Phase::Reflect, Phase::Repair),
    (Phase::Reflect, Phase::Propose),
    (Phase::Test, Phase::Reflect),
    (Phase::Test, Phase::Repair),
    (Phase::Test, Phase::Propose),
    (Phase::Propose, Phase::Land),
    (Phase::Land, Phase::Test),
    (Phase::Tool, Phase::Waiting),
    (Phase::Waiting, Phase::Tool),
    (Phase::Check, Phase::Waiting),
    (Phase::Waiting, Phase::Check),
    // A model may be asked here, and money may be asked for.
    (Phase::Context, Phase::Waiting),
    (Phase::Waiting, Phase::Context),
    (Phase::Plan, Phase::Waiting),
    (Phase::Waiting, Phase::Plan),
    (Phase::Act, Phase::Waiting),
    (Phase::Waiting, Phase::Act),
    (Phase::Repair, Phase::Waiting),
    (Phase::Waiting, Phase::Repair),
    (Phase::Reflect, Phase::Waiting),
    (Phase::Waiting, Phase::Reflect),
];

/// Whether a task in `from` may go to `to`. Every phase but the last may end.
pub fn allows(from: Phase, to: Phase) -> bool {
    match to {
        Phase::Finished => from != Phase::Finished,
        _ => TRANSITIONS.contains(&(from, to)),
    }
}

/// What a tool of `kind` may do in `phase`: go ahead, go ahead once the task is in another phase, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// It may run.
    Open,
    /// It may run after this transition.
    After(Phase),
    /// It may not; the failure names the phase and what would be allowed.
    Shut(Failure),
}

/// Judges a tool's kind in a phase.
pub fn gate(profile: Profile, phase: Phase, kind: ToolKind) -> Gate {
    match (phase, kind) {
        (Phase::Plan, ToolKind::Edit) if profile != Profile::Safe => Gate::After(Phase::Act),
        (Phase::Act | Phase::Repair, _) => Gate::Open,
        (Phase::Plan | Phase::Context | Phase::Reflect, ToolKind::Edit) => Gate::Shut(refusal(
            phase,
            "reading, searching and read-only commands; state the plan with update_plan first, then edit",
        )),
        (Phase::Plan | Phase::Context | Phase::Reflect, _) => Gate::Open,
        _ => Gate::Shut(refusal(phase, "nothing")),
    }
}

fn refusal(phase: Phase, allowed: &str) -> Failure {
    Failure::new(
        Code::PhaseRefused,
        format!("this tool may not run in phase {phase}; allowed there: {allowed}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a1_only_act_and_repair_take_edits() {
        for phase in Phase::ALL {
            let open = gate(Profile::Safe, phase, ToolKind::Edit) == Gate::Open;
            assert_eq!(open, matches!(phase, Phase::Act | Phase::Repair), "{phase}");
        }
    }

    #[test]
    fn a1_every_phase_can_end_and_is_reachable() {
        for phase in Phase::ALL {
            assert_eq!(allows(phase, Phase::Finished), phase != Phase::Finished);
            let reachable =
                phase == Phase::Intake || Phase::ALL.into_iter().any(|from| allows(from, phase));
            assert!(reachable, "{phase}");
        }
    }

    #[test]
    fn a1_nothing_lands_without_check_and_proposal() {
        let into_land: Vec<_> = Phase::ALL
            .into_iter()
            .filter(|from| allows(*from, Phase::Land))
            .collect();
        assert_eq!(into_land, [Phase::Propose]);
        for from in [Phase::Plan, Phase::Act, Phase::Tool, Phase::Repair] {
            assert!(!allows(from, Phase::Propose), "{from}");
        }
    }

    #[test]
    fn the_default_profile_lets_a_first_edit_end_the_plan() {
        assert_eq!(
            gate(Profile::Default, Phase::Plan, ToolKind::Edit),
            Gate::After(Phase::Act)
        );
    }
}
