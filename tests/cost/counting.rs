//! Makes a module count the instructions that it runs.
//!
//! The interpreter's own meter would not do: it takes the price of a whole function at its start,
//! whatever is run of it then.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, GlobalSection, GlobalType, Instruction,
    Module, ValType,
};
use wasmparser::{
    CustomSectionReader, ExportSectionReader, FunctionBody, GlobalSectionReader, Parser, Payload,
};

/// The name under which the module exports its counter, a global of 64 bits.
pub const COUNTER: &str = "instructions";

/// How many bytes of a bulk copy count as one instruction: what one machine instruction copies.
const BYTES_PER_INSTRUCTION_LOG2: i32 = 4;

/// The same module with a counter.
pub fn module(bytes: &[u8]) -> Vec<u8> {
    let globals = Parser::new(0).parse_all(bytes).find_map(|payload| match payload {
        Ok(Payload::GlobalSection(section)) => Some(section.count()),
        _ => None,
    });
    // Nothing is imported but functions, so the globals of the module are all that there are.
    let counter = globals.expect("a module of Rust has globals, such as its stack pointer");
    let mut counting = Counting { counter, scratch: counter + 1 };
    let mut module = Module::new();
    counting.parse_core_module(&mut module, Parser::new(0), bytes).expect("the module is valid");
    module.finish()
}

/// The indices of the globals that are added.
struct Counting {
    counter: u32,
    /// For the length of a bulk copy.
    scratch: u32,
}

type Outcome = Result<(), Error>;

impl Reencode for Counting {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Outcome {
        utils::parse_global_section(self, globals, section)?;
        let mutable = |val_type| GlobalType { val_type, mutable: true, shared: false };
        globals.global(mutable(ValType::I64), &ConstExpr::i64_const(0));
        globals.global(mutable(ValType::I32), &ConstExpr::i32_const(0));
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Outcome {
        utils::parse_export_section(self, exports, section)?;
        exports.export(COUNTER, ExportKind::Global, self.counter);
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Outcome {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut reader = body.get_operators_reader()?;
        let (mut straight, mut count) = (Vec::new(), 0);
        while !reader.eof() {
            let instruction = self.parse_instruction(&mut reader)?;
            count += i64::from(is_work(&instruction));
            if matches!(instruction, Instruction::MemoryCopy { .. } | Instruction::MemoryFill(_)) {
                straight.extend(self.add_for_bytes());
            }
            let ends = ends_straight_line(&instruction);
            straight.push(instruction);
            // The last instruction of a body is an `end`.
            if ends {
                if count > 0 {
                    for added in self.add(count) {
                        function.instruction(&added);
                    }
                }
                for kept in straight.drain(..) {
                    function.instruction(&kept);
                }
                count = 0;
            }
        }
        code.function(&function);
        Ok(())
    }

    // Names of functions and the like are not needed.
    fn parse_custom_section(&mut self, _: &mut Module, _: CustomSectionReader<'_>) -> Outcome {
        Ok(())
    }
}

impl Counting {
    /// Adds to the counter.
    const fn add(&self, count: i64) -> [Instruction<'static>; 4] {
        [
            Instruction::GlobalGet(self.counter),
            Instruction::I64Const(count),
            Instruction::I64Add,
            Instruction::GlobalSet(self.counter),
        ]
    }

    /// Adds for the bytes of a bulk copy, whose number lies on the stack and stays there.
    const fn add_for_bytes(&self) -> [Instruction<'static>; 9] {
        [
            Instruction::GlobalSet(self.scratch),
            Instruction::GlobalGet(self.counter),
            Instruction::GlobalGet(self.scratch),
            Instruction::I32Const(BYTES_PER_INSTRUCTION_LOG2),
            Instruction::I32ShrU,
            Instruction::I64ExtendI32U,
            Instruction::I64Add,
            Instruction::GlobalSet(self.counter),
            Instruction::GlobalGet(self.scratch),
        ]
    }
}

/// Whether the instruction does anything; the others mark a place.
const fn is_work(instruction: &Instruction<'_>) -> bool {
    !matches!(
        instruction,
        Instruction::Block(_)
            | Instruction::Loop(_)
            | Instruction::Else
            | Instruction::End
            | Instruction::Nop
    )
}

/// Whether what follows may be run another number of times. Calls count as well, so that the
/// counter is right when the proxy is called.
const fn ends_straight_line(instruction: &Instruction<'_>) -> bool {
    matches!(
        instruction,
        Instruction::Loop(_)
            | Instruction::If(_)
            | Instruction::Else
            | Instruction::End
            | Instruction::Br(_)
            | Instruction::BrIf(_)
            | Instruction::BrTable(..)
            | Instruction::Return
            | Instruction::Unreachable
            | Instruction::Call(_)
            | Instruction::CallIndirect { .. }
            | Instruction::ReturnCall(_)
            | Instruction::ReturnCallIndirect { .. }
    )
}

pub mod tests {
    use wasm_encoder::{BlockType, Function, FunctionSection, TypeSection};
    use wasmi::{Engine, Instance, Store, Val};

    use super::{
        COUNTER, CodeSection, ConstExpr, ExportKind, ExportSection, GlobalSection, GlobalType,
        Instruction, Module, ValType, module,
    };

    pub const ALL: [(&str, fn()); 1] =
        [("what is run is counted, each time, and nothing else", what_is_run_is_counted)];

    /// Adds 1 to a global as often as its argument says.
    fn repeats() -> Vec<u8> {
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        types.ty().function([ValType::I32], []);
        functions.function(0);
        let mut globals = GlobalSection::new();
        let kind = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(kind, &ConstExpr::i32_const(0));
        let mut exports = ExportSection::new();
        exports.export("repeat", ExportKind::Func, 0);
        let mut body = Function::new([]);
        for instruction in [
            Instruction::Block(BlockType::Empty),
            Instruction::Loop(BlockType::Empty),
            // Three to look whether it goes on.
            Instruction::LocalGet(0),
            Instruction::I32Eqz,
            Instruction::BrIf(1),
            // Nine for a round.
            Instruction::GlobalGet(0),
            Instruction::I32Const(1),
            Instruction::I32Add,
            Instruction::GlobalSet(0),
            Instruction::LocalGet(0),
            Instruction::I32Const(1),
            Instruction::I32Sub,
            Instruction::LocalSet(0),
            Instruction::Br(0),
            Instruction::End,
            Instruction::End,
            // One to leave.
            Instruction::Return,
            Instruction::End,
        ] {
            body.instruction(&instruction);
        }
        let mut code = CodeSection::new();
        code.function(&body);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&globals);
        module.section(&exports).section(&code);
        module.finish()
    }

    fn what_is_run_is_counted() {
        let engine = Engine::default();
        let module = wasmi::Module::new(&engine, module(&repeats())).expect("the module is valid");
        for (rounds, counted) in [(0, 4), (1, 4 + 12), (10, 4 + 120)] {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).expect("nothing is imported");
            let repeat = instance.get_func(&store, "repeat").expect("it is exported");
            repeat.call(&mut store, &[Val::I32(rounds)], &mut []).expect("it runs");
            let counter = instance.get_global(&store, COUNTER).expect("it is exported");
            assert_eq!(counter.get(&store).i64(), Some(counted), "after {rounds} rounds");
        }
    }
}
