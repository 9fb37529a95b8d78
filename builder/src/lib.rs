//! Makes plugins from their sources: finds the tools of a language or says what to install, compiles,
//! makes a component and puts the manifest inside. Takes a folder; gives bytes. Runs no plugin and
//! knows no host: both `wardline plugin build` and `cargo xtask` stand on it.
//!
//! Errors are texts for people: what failed and what to type next.

pub mod component;
mod project;
mod tools;
pub mod rust;
mod contract;
#[cfg(feature = "c")]
mod c;
mod javascript;
mod python;

pub use project::{Language, Project};

/// Compiles a project and makes its component, with the manifest inside.
///
/// # Errors
/// What failed and what to type next.
pub fn build(project: &Project) -> Result<Vec<u8>, String> {
    let component = match project.language() {
        Language::Rust => {
            let toolchain = rust::Toolchain::find(project.folder(), rust::Missing::Say)?;
            let name = project.crate_name()?;
            let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
                || project.folder().join("target"),
                |folder| project.folder().join(folder),
            );
            toolchain.cargo_build(&project.folder().join("Cargo.toml"), &target, &[])?;
            component::encode(project.id(), &tools::read(&rust::module(&target, &name))?)?
        }
        #[cfg(feature = "c")]
        Language::C => component::encode(project.id(), &c::compile(project)?)?,
        #[cfg(not(feature = "c"))]
        Language::C => {
            return Err("this wardline was built without C: build it with the feature `c`".into());
        }
        Language::JavaScript => javascript::componentize(project)?,
        Language::Python => python::componentize(project)?,
    };
    Ok(component::with_manifest(component, project.manifest()))
}
