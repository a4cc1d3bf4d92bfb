//! Vectors: what a model made of pieces of code, and which lines of which files they stand for. Bounded: a number takes one
//! byte, and no more vectors are kept than were asked for, those of pieces that are gone least of all.

use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use workspace::Hash;

/// Names a vector: BLAKE3 of the model and the text.
pub type Key = [u8; 32];

/// A direction, as whole numbers from -127 to 127.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    /// What one of its numbers is worth, so that its length is 1.
    scale: f32,
    numbers: Box<[i8]>,
}

/// Lines from 1, both ends inside, and what is known of them.
#[derive(Debug, Clone)]
pub struct Place {
    pub start: u32,
    pub end: u32,
    pub key: Key,
    pub vector: Option<Arc<Vector>>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Vectors {
    by_key: HashMap<Key, Arc<Vector>>,
    /// By path: what the file held, and its pieces by first line.
    places: HashMap<String, (Hash, Vec<Place>)>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    label: String,
    vectors: Vec<(Key, f32, serde_bytes::ByteBuf)>,
}

impl Vector {
    /// The direction of these numbers, all finite.
    pub fn of(numbers: &[f32]) -> Vector {
        let length = numbers
            .iter()
            .map(|number| f64::from(*number).powi(2))
            .sum::<f64>()
            .sqrt();
        let most = numbers
            .iter()
            .map(|number| number.abs())
            .fold(0.0, f32::max);
        if length == 0.0 || most == 0.0 {
            // No direction: near to nothing.
            return Vector {
                scale: 0.0,
                numbers: vec![0; numbers.len()].into(),
            };
        }
        let step = most / 127.0;
        Vector {
            scale: (f64::from(step) / length) as f32,
            numbers: numbers
                .iter()
                .map(|number| (number / step).round() as i8)
                .collect(),
        }
    }

    /// The cosine of the angle between two, from -1 to 1; `None` for vectors of different models.
    pub fn near(&self, other: &Vector) -> Option<f32> {
        if self.numbers.len() != other.numbers.len() {
            return None;
        }
        // At most 8,192 numbers of 127 times 127 each: far below what fits.
        let products = self.numbers.iter().zip(&other.numbers);
        let sum: i32 = products.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        Some((sum as f32 * self.scale * other.scale).clamp(-1.0, 1.0))
    }

    pub fn len(&self) -> usize {
        self.numbers.len()
    }
}

impl Vectors {
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<Vector>> {
        self.by_key.get(key)
    }

    /// Whether the file is placed as it is now, every piece of it with a vector.
    pub fn has(&self, path: &str, hash: Hash, pieces: usize) -> bool {
        self.places.get(path).is_some_and(|(known, places)| {
            *known == hash
                && places.len() == pieces
                && places.iter().all(|place| place.vector.is_some())
        })
    }

    /// Keeps a vector. Where it is of another length than those that are kept, which are of another model then, they go.
    pub fn put(&mut self, key: Key, vector: Vector) {
        let length = self.by_key.values().next().map(|it| it.len());
        if length.is_some_and(|length| length != vector.len()) {
            self.by_key.clear();
            self.places.clear();
        }
        self.by_key.insert(key, Arc::new(vector));
    }

    /// Says which pieces a file has, by first line; their vectors are those that are known.
    pub fn place(&mut self, path: &str, hash: Hash, mut places: Vec<Place>) {
        for place in &mut places {
            place.vector = self.by_key.get(&place.key).cloned();
        }
        self.places.insert(path.to_owned(), (hash, places));
    }

    /// Forgets the places of other files than these.
    pub fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.places.retain(|path, _| is_there(path));
    }

    /// Forgets vectors that stand for nothing, where there are more than `most`.
    pub fn bound(&mut self, most: usize) {
        if self.by_key.len() <= most {
            return;
        }
        let places = self.places.values().flat_map(|(_, places)| places);
        let used: std::collections::HashSet<Key> = places.map(|place| place.key).collect();
        self.by_key.retain(|key, _| used.contains(key));
    }

    /// Measures how near pieces are to `question`. Pieces of one file are best asked one after the other.
    pub fn measure<'v>(
        &'v self,
        question: &'v Vector,
    ) -> impl Fn(&str, u32, u32) -> Option<f32> + 'v {
        let nothing: &[Place] = &[];
        let last = RefCell::new((String::new(), nothing));
        move |path, start, end| {
            let mut last = last.borrow_mut();
            if last.0 != path {
                let places = self.places.get(path);
                *last = (
                    path.to_owned(),
                    places.map_or(nothing, |(_, places)| places),
                );
            }
            let at = last
                .1
                .binary_search_by_key(&start, |place| place.start)
                .ok()?;
            let place = last.1.get(at).filter(|place| place.end == end)?;
            place.vector.as_ref()?.near(question)
        }
    }

    /// Packed, for [`Vectors::unpacked`].
    pub fn packed(&self, label: &str) -> Option<Vec<u8>> {
        let bytes = |numbers: &[i8]| {
            numbers
                .iter()
                .map(|number| number.cast_unsigned())
                .collect()
        };
        let row = |(key, vector): (&Key, &Arc<Vector>)| {
            let numbers: Vec<u8> = bytes(&vector.numbers);
            (*key, vector.scale, numbers.into())
        };
        let mut vectors: Vec<_> = self.by_key.iter().map(row).collect();
        vectors.sort_by_key(|(key, ..)| *key);
        let label = label.to_owned();
        postcard::to_stdvec(&Stored { label, vectors }).ok()
    }

    /// What was packed for the same model, without places.
    pub fn unpacked(bytes: &[u8], label: &str) -> Option<Vectors> {
        let stored: Stored = postcard::from_bytes(bytes).ok()?;
        if stored.label != label {
            return None;
        }
        let mut vectors = Vectors::default();
        for (key, scale, numbers) in stored.vectors {
            let numbers = numbers.iter().map(|byte| byte.cast_signed()).collect();
            vectors.put(key, Vector { scale, numbers });
        }
        Some(vectors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(seed: u32) -> Vec<f32> {
        // A small generator of numbers from -1 to 1.
        let mut state = seed.wrapping_mul(2_654_435_761).max(1);
        let next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 * 2.0 - 1.0
        };
        std::iter::repeat_with(next).take(768).collect()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn a_byte_a_number_is_exact_to_a_hundredth() {
        for seed in 1..50 {
            let (a, mut b) = (vector(seed), vector(seed + 100));
            for (b, a) in b.iter_mut().zip(&a) {
                *b += a * (seed as f32 / 10.0);
            }
            let near = Vector::of(&a).near(&Vector::of(&b)).unwrap();
            assert!((near - cosine(&a, &b)).abs() < 0.01, "{seed}: {near}");
        }
        let one = Vector::of(&[3.0, 4.0]);
        assert!((one.near(&one).unwrap() - 1.0).abs() < 0.01);
        assert_eq!(one.near(&Vector::of(&[1.0])), None);
        assert_eq!(one.near(&Vector::of(&[0.0, 0.0])), Some(0.0));
    }

    #[test]
    fn vectors_are_packed_placed_and_bounded() {
        let hash = Hash::of(b"x");
        let mut vectors = Vectors::default();
        for number in 0..4u8 {
            vectors.put([number; 32], Vector::of(&vector(u32::from(number) + 1)));
        }
        let place = |number: u8| Place {
            start: u32::from(number) * 10 + 1,
            end: u32::from(number) * 10 + 9,
            key: [number; 32],
            vector: None,
        };
        vectors.place("a.rs", hash, vec![place(0), place(1)]);
        assert!(vectors.has("a.rs", hash, 2) && !vectors.has("a.rs", hash, 3));
        let question = Vector::of(&vector(1));
        {
            let measure = vectors.measure(&question);
            assert!(measure("a.rs", 1, 9).unwrap() > 0.99);
            assert!(measure("a.rs", 11, 19).unwrap() < 0.5);
            assert_eq!((measure("a.rs", 1, 8), measure("b.rs", 1, 9)), (None, None));
        }
        let packed = vectors.packed("p/m").unwrap();
        let again = Vectors::unpacked(&packed, "p/m").unwrap();
        assert_eq!(again.by_key, vectors.by_key);
        assert!(Vectors::unpacked(&packed, "p/other").is_none());
        vectors.bound(4);
        assert_eq!(vectors.len(), 4);
        vectors.bound(3);
        assert_eq!(vectors.len(), 2);
        vectors.put([9; 32], Vector::of(&[1.0, 2.0]));
        assert_eq!((vectors.len(), vectors.has("a.rs", hash, 2)), (1, false));
    }
}
