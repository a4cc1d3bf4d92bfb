//! The agent from the outside: whole tasks over real files, a real sandbox and real test commands; only the model is scripted.

mod docs;
mod ends;
mod landing;
mod rules;
mod sessions;
mod stage;
