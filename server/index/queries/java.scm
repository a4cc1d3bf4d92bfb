; Definitions of Java: the capture names the kind, @name its name; @doc is what may stand before a definition.
; A method matches more than one pattern: the first one in this file wins.
(class_declaration name: (_) @name) @class
(record_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @interface
(annotation_type_declaration name: (_) @name) @interface
(enum_declaration name: (_) @name) @enum
((method_declaration (modifiers [(marker_annotation name: (_) @_mark) (annotation name: (_) @_mark)]) name: (_) @name) @test
  (#any-of? @_mark "Test" "ParameterizedTest" "RepeatedTest" "TestFactory" "Property" "Benchmark"))
(method_declaration name: (_) @name) @method
(constructor_declaration name: (_) @name) @method
(compact_constructor_declaration name: (_) @name) @method
((field_declaration (modifiers) @_how declarator: (variable_declarator name: (_) @name)) @const
  (#match? @_how "\\bstatic\\b") (#match? @_how "\\bfinal\\b"))
(constant_declaration declarator: (variable_declarator name: (_) @name)) @const

(line_comment) @doc
(block_comment) @doc
