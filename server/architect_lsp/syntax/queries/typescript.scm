; What Architect reads of TypeScript. `outline.py` says what each capture means.

[(comment) (decorator)] @above

(import_statement source: (string) @import)
(export_statement source: (string) @import)
(import_require_clause source: (string) @import)
(call_expression function: (import) arguments: (arguments . (string) @import))
(call_expression
  function: (identifier) @_require arguments: (arguments . (string) @import)
  (#eq? @_require "require"))

[
  (function_declaration name: (_) @name)
  (generator_function_declaration name: (_) @name)
  (function_signature name: (_) @name)
  (method_definition name: (_) @name)
  (abstract_method_signature name: (_) @name)
] @definition.function
(class_declaration name: (_) @name) @definition.class
(abstract_class_declaration name: (_) @name) @definition.class
(interface_declaration name: (_) @name) @definition.interface
(enum_declaration name: (_) @name) @definition.enum
(type_alias_declaration name: (_) @name) @definition.type
[(internal_module name: (_) @name) (module name: (_) @name)] @definition.module

(variable_declarator
  name: (identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]
) @definition.function
(public_field_definition
  name: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]
) @definition.function
(pair
  key: [(property_identifier) (string)] @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]
) @definition.function
(assignment_expression
  left: [(member_expression) (identifier)] @name
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]
) @definition.function
[
  (arguments (function_expression name: (_) @name) @definition.function)
  (return_statement (function_expression name: (_) @name) @definition.function)
]
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @definition.class

; export const list = handler(async (request) => { ... })
(program [
  (lexical_declaration (variable_declarator
    name: (identifier) @name
    value: (call_expression arguments: (arguments [(arrow_function) (function_expression)] @body))) @definition.constant)
  (export_statement (lexical_declaration (variable_declarator
    name: (identifier) @name
    value: (call_expression arguments: (arguments [(arrow_function) (function_expression)] @body))) @definition.constant))
])

(call_expression function: (_) @callee) @call
(call_expression function: (await_expression (_) @callee)) @call ; `await f<T>()`, as the grammar reads it
(new_expression constructor: (_) @callee) @call
