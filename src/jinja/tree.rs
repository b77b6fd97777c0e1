//! The owned tree of a template. Spans are of the user's file; names are shared; no node is nested deeper than the
//! parser allows, so that walking and dropping it is safe.

use std::sync::Arc;

use crate::diagnostic::Span;

use super::Value;

pub(super) type Name = Arc<str>;

#[derive(Debug)]
pub(super) struct Expr {
    pub span: Span,
    pub kind: ExprKind,
}

#[derive(Debug)]
pub(super) enum ExprKind {
    Const(Value),
    Name(Name),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Attr(Box<Expr>, Name),
    Item(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Box<[Option<Expr>; 3]>),
    Call(Box<Expr>, Box<Arguments>),
    Filter(Box<Expr>, Box<FilterCall>),
    Test(Box<Expr>, Box<TestCall>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Positive(Box<Expr>),
    /// Operators of one precedence, from left to right.
    Arithmetic(Box<Expr>, Vec<(Arithmetic, Expr)>),
    Concat(Vec<Expr>),
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    If(Box<Condition>),
}

#[derive(Debug)]
pub(super) struct Condition {
    pub test: Expr,
    pub then: Expr,
    pub otherwise: Option<Expr>,
}

#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub positional: Vec<Expr>,
    pub keyword: Vec<(Name, Expr)>,
    pub star: Option<Expr>,
    pub star_star: Option<Expr>,
}

#[derive(Debug)]
pub(super) struct FilterCall {
    pub name: Name,
    pub args: Arguments,
    pub span: Span,
}

#[derive(Debug)]
pub(super) struct TestCall {
    pub name: Name,
    pub args: Arguments,
    pub negated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

impl Arithmetic {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Mod => "%",
            Self::Pow => "** or pow()",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

#[derive(Debug)]
pub(super) struct Stmt {
    pub span: Span,
    pub kind: StmtKind,
}

#[derive(Debug)]
pub(super) enum StmtKind {
    Text(Box<str>),
    /// `constant` when Jinja folds the expression at compile time: native rendering makes a string of it.
    Output {
        expr: Expr,
        constant: bool,
    },
    If {
        branches: Vec<(Expr, Vec<Stmt>)>,
        otherwise: Vec<Stmt>,
    },
    For(Arc<For>),
    Set(Target, Expr),
    SetBlock {
        target: Target,
        filters: Vec<FilterCall>,
        body: Vec<Stmt>,
    },
    With {
        bindings: Vec<(Target, Expr)>,
        body: Vec<Stmt>,
    },
    Do(Expr),
    Macro(Arc<MacroBody>),
    Call {
        call: Expr,
        caller: Arc<MacroBody>,
    },
    Filter {
        filters: Vec<FilterCall>,
        body: Vec<Stmt>,
    },
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct For {
    pub target: Target,
    pub iterable: Expr,
    pub filter: Option<Expr>,
    pub recursive: bool,
    pub body: Vec<Stmt>,
    pub otherwise: Vec<Stmt>,
}

#[derive(Debug)]
pub(super) enum Target {
    Name(Name),
    /// `namespace.attribute`.
    Attr(Name, Name, Span),
    Tuple(Vec<Target>),
}

/// What is called: the body of a macro, or of a `call` block.
#[derive(Debug)]
pub(super) struct MacroBody {
    pub name: Name,
    pub params: Vec<ParamDef>,
    pub body: Vec<Stmt>,
    pub uses: Uses,
    /// Of the whole block.
    pub span: Span,
}

#[derive(Debug)]
pub(super) struct ParamDef {
    pub name: Name,
    pub default: Option<Expr>,
}

/// Which of the implicit names a macro's body reads.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Uses {
    pub varargs: bool,
    pub kwargs: bool,
    pub caller: bool,
}
