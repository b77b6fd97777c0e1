//! Times a cold `parse` of a generated project, manifest written.
//!
//! ```text
//! cargo bench --bench parse                              # 1,000 models, 2,000 tests, 500 macros
//! cargo bench --bench parse -- --models 5000 --runs 3
//! cargo bench --bench parse -- --out DIR                 # only write the project, to run other programs on it
//! ```

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

struct Options {
    models: usize,
    macros: usize,
    runs: usize,
    out: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = options()?;
    let temporary = std::env::temp_dir().join(format!("tamis-parse-{}", std::process::id()));
    let root = options.out.clone().unwrap_or(temporary);
    write_project(&root, &options)?;
    let (models, macros) = (options.models, options.macros);
    if options.out.is_some() {
        report(&format!("wrote {models} models, {macros} macros to {}", root.display()));
        return Ok(());
    }
    let mut times = (0..options.runs).map(|_| parse(&root)).collect::<Result<Vec<Duration>, _>>()?;
    times.sort_unstable();
    let seconds = |at: usize| times.get(at).map_or(0.0, Duration::as_secs_f64);
    report(&format!(
        "parse of {models} models, {} tests, {macros} macros: min {:.3} s, median {:.3} s, max {:.3} s ({} runs)",
        models * 2,
        seconds(0),
        seconds(times.len() / 2),
        seconds(times.len() - 1),
        options.runs
    ));
    fs::remove_dir_all(&root)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a benchmark reports to the terminal")]
fn report(line: &str) {
    println!("{line}");
}

fn options() -> Result<Options, String> {
    let mut options = Options { models: 1000, macros: 500, runs: 7, out: None };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || {
            let text = args.next().unwrap_or_default();
            text.parse::<usize>().map_err(|_| format!("{arg} takes a whole number, found `{text}`"))
        };
        match arg.as_str() {
            "--models" => options.models = number()?,
            "--macros" => options.macros = number()?,
            "--runs" => options.runs = number()?.max(1),
            "--out" => options.out = args.next().map(PathBuf::from),
            // Cargo passes this to every bench target.
            "--bench" => {}
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(options)
}

fn parse(root: &Path) -> Result<Duration, Box<dyn std::error::Error>> {
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_tamis"))
        .args(["parse", "--threads", "2", "--project-dir"])
        .arg(root)
        .current_dir(root)
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("parse failed: {status}").into());
    }
    Ok(start.elapsed())
}

const PROJECT: &str = "name: generated
version: '1.0'
profile: generated
models:
  generated:
    +materialized: table
    layer_0:
      +materialized: view
      +tags: [base]
";

const PROFILE: &str = "generated:
  target: dev
  outputs:
    dev:
      type: datafusion
      path: warehouse
      schema: main
      threads: 2
";

/// Layers of models that refer to the layer before, use macros, and have two tests and descriptions each.
fn write_project(root: &Path, options: &Options) -> std::io::Result<()> {
    for folder in ["models", "macros", "profiles"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::write(root.join("dbt_project.yml"), PROJECT)?;
    fs::write(root.join("profiles/profiles.yml"), PROFILE)?;
    for at in 0..options.macros {
        let text = format!(
            "{{% macro scale_{at}(column, factor=100, digits=2) %}}
    {{%- if factor > 1 -%}}
    round({{{{ column }}}} / {{{{ factor }}}}, {{{{ digits }}}})
    {{%- else -%}}
    {{{{ column }}}}
    {{%- endif -%}}
{{% endmacro %}}
"
        );
        fs::write(root.join(format!("macros/scale_{at}.sql")), text)?;
    }
    let per_layer = (options.models / 10).max(1);
    for at in 0..options.models {
        let layer = at / per_layer;
        let folder = root.join(format!("models/layer_{layer}"));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("model_{at}.sql")), model(at, layer, per_layer, options.macros))?;
        if at.is_multiple_of(10) {
            let end = (at + 10).min(options.models);
            fs::write(folder.join(format!("schema_{at}.yml")), properties(at, end))?;
        }
    }
    Ok(())
}

fn model(at: usize, layer: usize, per_layer: usize, macros: usize) -> String {
    let mut text = String::new();
    if at.is_multiple_of(5) {
        text.push_str("{{ config(materialized='table', tags=['fifth'], meta={'owner': 'data'}) }}\n\n");
    }
    let scaled = format!("{{{{ scale_{}('amount', factor={}) }}}}", at % macros.max(1), at + 2);
    if layer == 0 {
        let _ = write!(
            text,
            "select
    {at} as id,
    {{{{ var('start', 10) }}}} as amount,
    {scaled} as scaled,
    '{{{{ target.name }}}}' as target
"
        );
        return text;
    }
    text.push_str("with\n");
    for n in 0..3 {
        let parent = (layer - 1) * per_layer + (at * 7 + n * 13) % per_layer;
        let comma = if n < 2 { "," } else { "" };
        let _ = writeln!(text, "source_{n} as (\n    select * from {{{{ ref('model_{parent}') }}}}\n){comma}");
    }
    let _ = write!(
        text,
        "
select
    source_0.id,
    source_0.amount,
    {scaled} as scaled,
    {{% for n in range(3) %}}source_{{{{ n }}}}.amount{{{{ ' + ' if not loop.last }}}}{{% endfor %}} as total
from source_0
join source_1 on source_1.id = source_0.id
join source_2 on source_2.id = source_0.id
{{% if target.name == 'prod' %}}where source_0.amount > 0{{% endif %}}
"
    );
    text
}

fn properties(start: usize, end: usize) -> String {
    let mut text = String::from("version: 2\n\nmodels:\n");
    for at in start..end {
        let _ = write!(
            text,
            "  - name: model_{at}
    description: >
      Generated model number {at}, with a description of
      two lines.
    columns:
      - name: id
        description: The key
        data_tests:
          - not_null
      - name: amount
        description: An amount in cents
        data_tests:
          - not_null:
              config:
                severity: warn
      - name: scaled
        description: The amount in units
"
        );
    }
    text
}
