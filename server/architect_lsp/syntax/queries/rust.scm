; What Architect reads of Rust. `outline.py` says what each capture means.

[(line_comment) (block_comment) (attribute_item)] @above
(use_declaration argument: (_) @import)
(extern_crate_declaration name: (_) @import)

[(function_item name: (_) @name) (function_signature_item name: (_) @name)] @definition.function
(struct_item name: (_) @name) @definition.struct
(union_item name: (_) @name) @definition.struct
(enum_item name: (_) @name) @definition.enum
(trait_item name: (_) @name) @definition.trait
(impl_item type: (_) @name) @definition.impl
(mod_item name: (_) @name body: (_)) @definition.module
(macro_definition name: (_) @name) @definition.macro

(call_expression function: (_) @callee) @call
(macro_invocation macro: (_) @callee) @call
