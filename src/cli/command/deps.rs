//! `deps`: packages that are in place need nothing; downloading is not supported yet.

use crate::{
    cli::{
        CommandError,
        invocation::{Depth, Invocation},
    },
    event::Event,
    project::Need,
};

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    // Loading reads local packages where they are, and says which others are missing.
    let project = invocation.load(Depth::Files, Need::Optional)?;
    invocation.greet();
    if project.package_specs.is_empty() {
        let message = "No packages were found in packages.yml".to_owned();
        invocation.emit(Event::Warning { name: "DepsNoPackagesFound", message });
        return invocation.promoted();
    }
    let message = format!("All {} packages are in place", project.package_specs.len());
    invocation.emit(Event::Info { message });
    Ok(())
}
