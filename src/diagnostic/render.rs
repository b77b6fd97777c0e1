//! A diagnostic as text: the first line stands alone, then a snippet of what the user wrote, help and the macro stack.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};

use super::{Diagnostic, Severity, SourceMap, display_path};

/// How a rendered diagnostic looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Color,
}

/// The diagnostic with its snippet, without a final newline.
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap, style: Style) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let files: Vec<_> = diagnostic
        .labels
        .iter()
        .map(|label| (sources.get(label.span.source), label))
        .map(|(file, label)| (display_path(&file.path), file, label))
        .collect();
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code.0));
    let mut done: Vec<&str> = Vec::new();
    for (path, file, _) in &files {
        if done.contains(&path.as_str()) {
            continue;
        }
        done.push(path);
        let mut snippet = Snippet::source(&*file.text).path(path.as_str());
        for (index, (other, _, label)) in files.iter().enumerate() {
            if other != path {
                continue;
            }
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let end = (label.span.end as usize).min(file.text.len());
            let range = (label.span.start as usize).min(end)..end;
            let mut annotation = kind.span(range);
            if !label.text.is_empty() {
                annotation = annotation.label(label.text.as_str());
            }
            snippet = snippet.annotation(annotation);
        }
        group = group.element(snippet);
    }
    let frames = frames(diagnostic, sources);
    for text in frames.iter().chain(&diagnostic.notes) {
        group = group.element(Level::NOTE.message(text.as_str()));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Color => Renderer::styled(),
    };
    renderer.decor_style(DecorStyle::Unicode).render(&[group])
}

/// The macro stack, innermost first; a macro that called itself from the same place again and again is one line.
fn frames(diagnostic: &Diagnostic, sources: &SourceMap) -> Vec<String> {
    let runs = diagnostic.stack.chunk_by(|one, next| one == next);
    runs.filter_map(|run| {
        let frame = run.first()?;
        let times = if run.len() > 1 { format!(", {} times", run.len()) } else { String::new() };
        Some(match frame.call {
            Some(span) => format!("in macro `{}`, called at {}{times}", frame.name, sources.location(span)),
            None => format!("in macro `{}`{times}", frame.name),
        })
    })
    .collect()
}
