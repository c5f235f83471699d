; What Architect reads of PHP. `outline.py` says what each capture means.

[(comment) (attribute_list)] @above
(namespace_use_declaration (namespace_use_clause . (_) @import))
(namespace_use_declaration (namespace_name) @import)
(include_expression (_) @import)
(include_once_expression (_) @import)
(require_expression (_) @import)
(require_once_expression (_) @import)

[(function_definition name: (_) @name) (method_declaration name: (_) @name)] @definition.function
(assignment_expression
  left: (variable_name) @name
  right: [(anonymous_function body: (_) @body) (arrow_function body: (_) @body)]) @definition.function
(class_declaration name: (_) @name) @definition.class
(interface_declaration name: (_) @name) @definition.interface
(trait_declaration name: (_) @name) @definition.trait
(enum_declaration name: (_) @name) @definition.enum
(namespace_definition name: (_) @name body: (_)) @definition.module

(function_call_expression function: (_) @callee) @call
(member_call_expression object: (_) @callee name: (_) @callee) @call
(nullsafe_member_call_expression object: (_) @callee name: (_) @callee) @call
(scoped_call_expression scope: (_) @callee name: (_) @callee) @call
(object_creation_expression [(name) (qualified_name)] @callee) @call
