//! The `loop` object of a `for` block.

use std::sync::{Arc, Mutex, Weak};

use super::{
    Args, Interp, JinjaError, Object, Value, iterate::Items, output::Out, scope::Scope, tree::For, value::lock,
};

#[derive(Debug)]
pub(super) struct Loop {
    block: Arc<For>,
    /// Nesting of a recursive loop, from 0.
    depth: usize,
    scope: Weak<Scope>,
    state: Mutex<State>,
}

struct State {
    items: Items,
    /// How many items were given out.
    given: usize,
    current: Option<Value>,
    previous: Option<Value>,
    /// The item after the current one, when it was looked at.
    next: Option<Option<Value>>,
    changed: Option<Vec<Value>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "item {}", self.given)
    }
}

impl Loop {
    pub fn new(block: Arc<For>, items: Items, depth: usize, scope: &Arc<Scope>) -> Self {
        let state = State { items, given: 0, current: None, previous: None, next: None, changed: None };
        Self { block, depth, scope: Arc::downgrade(scope), state: Mutex::new(state) }
    }

    pub fn advance(&self, interp: &mut Interp<'_>) -> Result<Option<Value>, JinjaError> {
        let mut state = lock(&self.state);
        let item = match state.next.take() {
            Some(item) => item,
            None => {
                // What the iterator calls may look at the loop: not under the lock.
                let mut items = std::mem::replace(&mut state.items, Items::Known(Vec::new().into_iter()));
                drop(state);
                let item = items.next(interp)?;
                state = lock(&self.state);
                state.items = items;
                item
            }
        };
        if item.is_some() {
            state.given += 1;
            state.previous = state.current.take();
            state.current.clone_from(&item);
        }
        Ok(item)
    }

    fn length(state: &mut State) -> usize {
        if state.items.len().is_none() {
            // The length of an iterator is known when it is used up.
            let mut interp = Interp::new(&super::iterate::NoGlobals);
            let items = std::mem::replace(&mut state.items, Items::Known(Vec::new().into_iter()));
            let rest = items.rest(&mut interp).unwrap_or_default();
            state.items = Items::Known(rest.into_iter());
        }
        let ahead = usize::from(matches!(state.next, Some(Some(_))));
        state.given + ahead + state.items.len().unwrap_or(0)
    }

    fn peek(state: &mut State) -> Option<Value> {
        if state.next.is_none() {
            let mut interp = Interp::new(&super::iterate::NoGlobals);
            state.next = Some(state.items.next(&mut interp).ok().flatten());
        }
        state.next.clone().flatten()
    }
}

fn int(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

impl Object for Loop {
    fn type_name(&self) -> &'static str {
        "LoopContext"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        let mut state = lock(&self.state);
        let index0 = state.given.saturating_sub(1);
        Some(match name {
            "index" => int(index0 + 1),
            "index0" => int(index0),
            "first" => Value::Bool(index0 == 0),
            "last" => Value::Bool(Self::peek(&mut state).is_none()),
            "length" => int(Self::length(&mut state)),
            "revindex" => int(Self::length(&mut state) - index0),
            "revindex0" => int(Self::length(&mut state).saturating_sub(index0 + 1)),
            "depth" => int(self.depth + 1),
            "depth0" => int(self.depth),
            "previtem" => {
                state.previous.clone().unwrap_or_else(|| Value::Undefined("there is no previous item".into()))
            }
            "nextitem" => Self::peek(&mut state).unwrap_or_else(|| Value::Undefined("there is no next item".into())),
            _ => return None,
        })
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        let mut state = lock(&self.state);
        match name {
            "cycle" => {
                let index = state.given.saturating_sub(1).checked_rem(args.positional.len());
                let item = index.and_then(|index| args.positional.into_iter().nth(index));
                Some(item.ok_or_else(|| JinjaError::type_error("no items for cycling given")))
            }
            "changed" => {
                let changed = state.changed.as_ref() != Some(&args.positional);
                state.changed = Some(args.positional);
                Some(Ok(Value::Bool(changed)))
            }
            _ => None,
        }
    }

    fn is_callable(&self) -> bool {
        self.block.recursive
    }

    fn call(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        if !self.block.recursive {
            let message = "the loop must have the 'recursive' marker to be called recursively";
            return Err(JinjaError::type_error(message));
        }
        let [Some(iterable)] = <[Option<Value>; 1]>::try_from(args.bind("loop", &["iterable"])?).unwrap_or([None])
        else {
            return Err(JinjaError::type_error("loop() takes one argument: what to walk over"));
        };
        let scope = self.scope.upgrade().unwrap_or_else(Scope::root);
        let mut out = Out::default();
        interp.run_loop(&self.block, &iterable, self.depth + 1, &scope, &mut out)?;
        Ok(interp.traced(out.rendered))
    }

    fn len(&self) -> Option<usize> {
        Some(Self::length(&mut lock(&self.state)))
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn to_repr(&self) -> String {
        let mut state = lock(&self.state);
        let length = Self::length(&mut state);
        format!("<LoopContext {}/{length}>", state.given)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
