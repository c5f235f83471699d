; What Architect reads of C#. `outline.py` says what each capture means.

(comment) @above
(using_directive !name [(identifier) (qualified_name)] @import)
(using_directive name: (_) (qualified_name) @import)

[
  (method_declaration name: (_) @name)
  (constructor_declaration name: (_) @name)
  (destructor_declaration name: (_) @name)
  (local_function_statement name: (_) @name)
  (operator_declaration operator: _ @name)
] @definition.function
(property_declaration name: (_) @name accessors: (accessor_list (accessor_declaration body: (_))) @body) @definition.function
[(class_declaration name: (_) @name) (record_declaration name: (_) @name)] @definition.class
(struct_declaration name: (_) @name) @definition.struct
(interface_declaration name: (_) @name) @definition.interface
(enum_declaration name: (_) @name) @definition.enum
(namespace_declaration name: (_) @name) @definition.module

(invocation_expression function: (_) @callee) @call
(object_creation_expression type: (_) @callee) @call
