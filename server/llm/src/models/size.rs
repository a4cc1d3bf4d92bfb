//! How much fits into the models that may answer, and who is asked first.

use super::{Models, call::Question, choice::Candidate};
use crate::{Error, Role, reply::usage};

/// The part of a context that is left for the answer: an eighth.
const ANSWER_PART: u64 = 8;

/// A candidate that is left out, since the request does not fit into its context.
#[derive(Debug)]
pub(super) struct TooSmall {
    label: String,
    /// Tokens.
    pub(super) context: u64,
    request: u64,
}

impl TooSmall {
    /// Who is not asked, and why.
    pub(super) fn told(&self) -> (String, String) {
        (self.label.clone(), self.error().to_string())
    }

    pub(super) fn error(&self) -> Error {
        Error::TooLong {
            provider: self.label.clone(),
            message: format!(
                "it has about {} tokens, and the context {}",
                self.request, self.context
            ),
        }
    }
}

impl Models {
    /// Tokens that a conversation may have in all, the answer included: as configured for who is asked first, or for
    /// the largest of those that are left where that one failed. None where it is not known.
    #[must_use]
    pub fn context_tokens(&self, role: Role, choice: Option<&str>) -> Option<u64> {
        let candidates = self.shared.candidates(role, choice).ok()?;
        let first = candidates.first()?.model.context_tokens;
        self.run.room(role).or(first)
    }

    /// Those into whose context the request fits, as far as is known, and the others. Estimates err, so the first choice is left out
    /// only where another one is left.
    pub(super) fn fitting(
        &self,
        candidates: Vec<Candidate>,
        question: &Question<'_>,
    ) -> (Vec<Candidate>, Vec<TooSmall>) {
        let is_known = |candidate: &Candidate| candidate.model.context_tokens.is_some();
        if candidates.len() < 2 || !candidates.iter().any(is_known) {
            return (candidates, Vec::new());
        }
        let asked = self.asked(&candidates[0], "", question);
        let request = usage(&asked, (None, None, None), 0).input;
        let (mut fitting, mut small, mut first) = (Vec::new(), Vec::new(), None);
        for (place, candidate) in candidates.into_iter().enumerate() {
            let context = candidate.model.context_tokens;
            match context.filter(|context| request > context - context / ANSWER_PART) {
                None => fitting.push(candidate),
                Some(context) => {
                    let label = candidate.label();
                    small.push(TooSmall {
                        label,
                        context,
                        request,
                    });
                    if place == 0 {
                        first = Some(candidate);
                    }
                }
            }
        }
        if let Some(first) = first.filter(|_| fitting.is_empty()) {
            small.remove(0);
            fitting.push(first);
        }
        (fitting, small)
    }

    /// `provider/model` of who is asked first.
    #[must_use]
    pub fn first_choice(&self, role: Role, choice: Option<&str>) -> Option<String> {
        let candidates = self.shared.candidates(role, choice).ok()?;
        candidates.first().map(Candidate::label)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Models, Role};

    #[test]
    fn the_context_of_who_is_asked_first_counts() {
        let config: Config = serde_saphyr::from_str(
            "providers: {p: {type: openai_compatible, base_url: 'http://127.0.0.1:9/v1'}}
models:
  big: {provider: p, model: b, context_tokens: 200000, default: true}
  small: {provider: p, model: s, context_tokens: 8000}
  unknown: {provider: p, model: u}
strategy: {critic_model: unknown, fallbacks: [small]}",
        )
        .unwrap();
        let models = Models::new(&config).unwrap();
        assert_eq!(models.context_tokens(Role::Coder, None), Some(200_000));
        assert_eq!(models.context_tokens(Role::Critic, None), None);
        assert_eq!(models.first_choice(Role::Critic, None).unwrap(), "p/u");
        assert_eq!(
            models.first_choice(Role::Coder, Some("small")).unwrap(),
            "p/s"
        );
        assert_eq!(models.context_tokens(Role::Coder, Some("nobody")), None);
    }
}
