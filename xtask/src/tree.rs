//! The workspace as the checks see it: its root, its packages and its files.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package and what it imports from the workspace.
pub(crate) struct Package {
    /// Name in Cargo.
    pub name: String,
    /// Directory, relative to the workspace's root.
    pub dir: PathBuf,
    /// Crate roots of its library and binaries, relative to the workspace's root.
    pub roots: Vec<PathBuf>,
    /// Names of packages it imports, with whether only its tests do.
    pub imports: Vec<(String, bool)>,
}

/// The workspace.
pub(crate) struct Tree {
    /// Its root directory.
    pub root: PathBuf,
}

impl Tree {
    /// The workspace this program was built in.
    pub(crate) fn find() -> Result<Self, String> {
        let here =
            std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&here).parent().ok_or("xtask stands alone")?;
        Ok(Self { root: root.to_owned() })
    }

    /// The packages of the workspace, read from `cargo metadata`.
    pub(crate) fn packages(&self) -> Result<Vec<Package>, String> {
        let text = self.output(&cargo(), &["metadata", "--format-version=1", "--no-deps", "--locked"])?;
        let json: Value = serde_json::from_str(&text).map_err(|e| format!("cargo metadata: {e}"))?;
        let packages = json["packages"].as_array().ok_or("cargo metadata: no packages")?;
        packages.iter().map(|p| self.package(p)).collect()
    }

    fn package(&self, json: &Value) -> Result<Package, String> {
        let text = |v: &Value| v.as_str().map(str::to_owned).ok_or("cargo metadata: shape");
        let local = |v: &Value| -> Result<PathBuf, String> {
            let path = PathBuf::from(text(v)?);
            Ok(path.strip_prefix(&self.root).map(Path::to_owned).unwrap_or(path))
        };
        let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
        let mut roots = Vec::new();
        for target in list(&json["targets"]) {
            let kinds = list(&target["kind"]);
            let code = |k: &Value| matches!(k.as_str(), Some("lib" | "bin" | "proc-macro"));
            if kinds.iter().any(code) {
                roots.push(local(&target["src_path"])?);
            }
        }
        let mut imports = Vec::new();
        for dep in list(&json["dependencies"]) {
            if dep["path"].is_string() {
                imports.push((text(&dep["name"])?, dep["kind"].as_str() == Some("dev")));
            }
        }
        let manifest = local(&json["manifest_path"])?;
        Ok(Package {
            name: text(&json["name"])?,
            dir: manifest.parent().map(Path::to_owned).unwrap_or_default(),
            roots,
            imports,
        })
    }

    /// Every file of the project: what git tracks, and what it would take in.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, String> {
        let list = self.output("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
        let mut files: Vec<PathBuf> = list.lines().map(PathBuf::from).collect();
        files.sort();
        files.dedup();
        files.retain(|f| self.root.join(f).is_file());
        Ok(files)
    }

    /// The text of a file, or `None` when it is not text.
    pub(crate) fn read(&self, file: &Path) -> Option<String> {
        std::fs::read_to_string(self.root.join(file)).ok()
    }

    fn output(&self, program: &str, args: &[&str]) -> Result<String, String> {
        let out = Command::new(program)
            .args(args)
            .current_dir(&self.root)
            .output()
            .map_err(|e| format!("{program}: {e}"))?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            return Err(format!("{program} {}: {said}", args.join(" ")));
        }
        String::from_utf8(out.stdout).map_err(|e| format!("{program}: {e}"))
    }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
