; Definitions of C#: the capture names the kind, @name its name; @doc is what may stand before a definition.
; A definition matches more than one pattern: the first one in this file wins.
(class_declaration name: (_) @name) @class
(record_declaration name: (_) @name) @class
(struct_declaration name: (_) @name) @struct
(interface_declaration name: (_) @name) @interface
(enum_declaration name: (_) @name) @enum
(delegate_declaration name: (_) @name) @type
(namespace_declaration name: (_) @name) @module
((method_declaration (attribute_list (attribute name: (_) @_mark)) name: (_) @name) @test
  (#any-of? @_mark "Fact" "Theory" "Test" "TestCase" "TestMethod" "DataTestMethod" "Benchmark"))
(method_declaration name: (_) @name) @method
(constructor_declaration name: (_) @name) @method
(destructor_declaration name: (_) @name) @method
(local_function_statement name: (_) @name) @function
(property_declaration name: (_) @name) @property
(event_declaration name: (_) @name) @property
((field_declaration (modifier) @_how (variable_declaration (variable_declarator name: (_) @name))) @const
  (#any-of? @_how "const" "readonly"))

(comment) @doc
