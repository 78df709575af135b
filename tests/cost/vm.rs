//! The shipped module, made to count its instructions, in an interpreter.
//!
//! The count is the same on every machine, however busy it is. It is no time: instructions do not
//! all take the same, and Envoy compiles the module to those of its machine.

use wasmi::{Caller, Engine, Extern, ExternType, Instance, Linker, Module, Store, Val};

use crate::counting::{self, COUNTER};
use crate::meter::Profile;
use crate::proxy::{Call, Proxy};
use crate::shipped;

/// The id of the root context, as Envoy gives it.
const ROOT: i32 = 1;

/// `proxy_action_t`.
const CONTINUE: i32 = 0;

/// The module, read and translated once for all VMs.
pub struct Code {
    module: Module,
    linker: Linker<Proxy>,
}

impl Code {
    /// The module that the other tests run in Envoy.
    pub fn shipped() -> Result<Self, String> {
        let path = shipped::module()?;
        let bytes = std::fs::read(&path);
        let bytes = bytes.map_err(|error| format!("{}: {error}", path.display()))?;
        shipped::tell(&path);
        let engine = Engine::default();
        let module = Module::new(&engine, counting::module(&bytes)).expect("the module is valid");
        let linker = link(&engine, &module);
        Ok(Self { module, linker })
    }
}

/// Leads every function that the module imports to the proxy, by its name.
fn link(engine: &Engine, module: &Module) -> Linker<Proxy> {
    let mut linker = Linker::<Proxy>::new(engine);
    for import in module.imports() {
        let ExternType::Func(kind) = import.ty() else {
            panic!("Envoy offers functions only, and the module imports {}", import.name());
        };
        let name = import.name().to_owned();
        let define = linker.func_new(
            import.module(),
            import.name(),
            kind.clone(),
            move |mut caller, arguments, results| {
                let counted = counted_in(&caller);
                caller.data_mut().meter.enter_call(&name, counted);
                let call = Call { caller: &mut caller, name: &name, arguments };
                let status = call.answer()?;
                if let Some(result) = results.first_mut() {
                    *result = Val::I32(status);
                }
                let counted = counted_in(&caller);
                caller.data_mut().meter.leave_call(counted);
                Ok(())
            },
        );
        define.expect("no import comes twice");
    }
    linker
}

/// A VM with a configured filter.
pub struct Vm {
    store: Store<Proxy>,
    instance: Instance,
    next_context: i32,
}

impl Vm {
    /// Starts the module, and tells what it cost to configure it.
    pub fn start(code: &Code, proxy: Proxy) -> (Self, Profile) {
        let configuration = size(proxy.configuration_size());
        let mut store = Store::new(code.linker.engine(), proxy);
        let instance = code.linker.instantiate_and_start(&mut store, &code.module);
        let instance = instance.expect("the module starts");
        let mut vm = Self { store, instance, next_context: ROOT };
        vm.callback("_initialize", &[]);
        let root = vm.create_context(0);
        vm.callback("proxy_on_vm_start", &[root, 0]);
        vm.start_meter();
        let accepted = vm.callback("proxy_on_configure", &[root, configuration]);
        assert_eq!(accepted, Some(1), "the configuration is refused: {:#?}", vm.proxy().log);
        let profile = vm.proxy().meter.take();
        (vm, profile)
    }

    /// Sends a request, with the callbacks in Envoy's order, and tells the status of the filter's
    /// answer; `None` when the request went on to the upstream.
    pub fn request(&mut self, headers: &[(String, String)]) -> (Option<u32>, Profile) {
        headers.clone_into(&mut self.proxy().headers);
        self.proxy().answered = None;
        self.start_meter();
        let id = self.create_context(ROOT);
        let action = self.callback("proxy_on_request_headers", &[id, size(headers.len()), 1]);
        let answered = self.proxy().answered;
        let goes_on = action == Some(CONTINUE);
        assert!(goes_on || answered.is_some(), "the request waits: {:#?}", self.proxy().log);
        // Envoy shows an answer of the filter's own to it as well.
        self.callback("proxy_on_response_headers", &[id, 6, 0]);
        self.callback("proxy_on_response_body", &[id, 512, 1]);
        self.callback("proxy_on_log", &[id]);
        self.callback("proxy_on_done", &[id]);
        self.callback("proxy_on_delete", &[id]);
        (answered, self.proxy().meter.take())
    }

    fn create_context(&mut self, parent: i32) -> i32 {
        let id = self.next_context;
        self.next_context += 1;
        self.callback("proxy_on_context_create", &[id, parent]);
        id
    }

    /// Calls what the module exports under this name. What it does not export costs nothing.
    fn callback(&mut self, name: &str, arguments: &[i32]) -> Option<i32> {
        let callback = self.instance.get_func(&self.store, name)?;
        let arguments: Vec<_> = arguments.iter().copied().map(Val::I32).collect();
        let mut results = vec![Val::I32(0); callback.ty(&self.store).results().len()];
        if let Err(error) = callback.call(&mut self.store, &arguments, &mut results) {
            panic!("{name}: {error}; the module logged: {:#?}", self.proxy().log);
        }
        let counted = self.counted();
        self.proxy().meter.leave_callback(name, counted);
        results.first().and_then(Val::i32)
    }

    fn start_meter(&mut self) {
        let counted = self.counted();
        self.proxy().meter.start(counted);
    }

    fn counted(&self) -> u64 {
        let counter = self.instance.get_global(&self.store, COUNTER).expect("the counter");
        number(&counter.get(&self.store))
    }

    fn proxy(&mut self) -> &mut Proxy {
        self.store.data_mut()
    }
}

/// As [`Vm::counted`], while the module calls.
fn counted_in(caller: &Caller<'_, Proxy>) -> u64 {
    let counter = caller.get_export(COUNTER).and_then(Extern::into_global).expect("the counter");
    number(&counter.get(caller))
}

fn number(value: &Val) -> u64 {
    value.i64().expect("the counter has 64 bits").cast_unsigned()
}

fn size(size: usize) -> i32 {
    i32::try_from(size).expect("less than 2 GB")
}
