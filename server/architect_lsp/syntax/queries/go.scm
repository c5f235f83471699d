; What Architect reads of Go. `outline.py` says what each capture means.

(comment) @above
(import_spec path: (_) @import)

(function_declaration name: (_) @name) @definition.function
(method_declaration
  receiver: (parameter_list (parameter_declaration name: (identifier)? @self type: (_) @owner))
  name: (_) @name) @definition.method
(type_spec name: (_) @name type: (struct_type) @body) @definition.struct
(type_spec name: (_) @name type: (interface_type) @body) @definition.interface
(type_spec name: (_) @name type: [
  (array_type) (channel_type) (function_type) (generic_type) (map_type) (pointer_type) (qualified_type) (slice_type)
  (type_identifier)
]) @definition.type
(source_file (var_declaration (var_spec
  name: (identifier) @name value: (expression_list . (func_literal body: (_) @body) .)) @definition.function))
(short_var_declaration
  left: (expression_list . (identifier) @name .)
  right: (expression_list . (func_literal body: (_) @body) .)) @definition.function

(call_expression function: (_) @callee) @call
