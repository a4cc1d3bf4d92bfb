; What C++ adds to c.scm.
((function_definition !type declarator: (function_declarator declarator: (identifier) @_runner parameters: (_) @name)) @test
  (#any-of? @_runner "TEST" "TEST_F" "TEST_P" "TYPED_TEST" "TYPED_TEST_P"))
(function_definition declarator: (function_declarator declarator: [(field_identifier) (qualified_identifier) (operator_name) (destructor_name)] @name)) @function
(function_definition declarator: (_ [(function_declarator declarator: [(field_identifier) (qualified_identifier) (operator_name)] @name) (_ (function_declarator declarator: [(field_identifier) (qualified_identifier) (operator_name)] @name))])) @function
(function_definition declarator: (reference_declarator (function_declarator declarator: (identifier) @name))) @function
(field_declaration declarator: (function_declarator declarator: [(field_identifier) (operator_name) (destructor_name)] @name)) @method
(field_declaration declarator: (_ (function_declarator declarator: [(field_identifier) (operator_name)] @name))) @method
(declaration declarator: (function_declarator declarator: [(destructor_name) (operator_name)] @name)) @function
(class_specifier name: (_) @name body: (_)) @class
(namespace_definition name: (_) @name) @module
(alias_declaration name: (_) @name) @type
(concept_definition name: (_) @name) @type
((namespace_definition body: (declaration_list (declaration (type_qualifier) @_how declarator: (init_declarator declarator: [(identifier) @name (_ declarator: (identifier) @name)])) @const))
  (#any-of? @_how "const" "constexpr"))
(namespace_definition body: (declaration_list (declaration declarator: (init_declarator declarator: [(identifier) @name (_ declarator: (identifier) @name)])) @variable))
(template_declaration parameters: (_) @doc)
