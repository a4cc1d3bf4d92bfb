; Definitions of Kotlin: the capture names the kind, @name its name; @doc is what may stand before a definition.
; A definition matches more than one pattern: the first one in this file wins.
(class_declaration "interface" name: (_) @name) @interface
(class_declaration name: (_) @name (enum_class_body)) @enum
(class_declaration name: (_) @name) @class
(object_declaration name: (_) @name) @class
(companion_object name: (_) @name) @class
((function_declaration (modifiers (annotation [(user_type (identifier) @_mark) (constructor_invocation (user_type (identifier) @_mark))])) name: (_) @name) @test
  (#any-of? @_mark "Test" "ParameterizedTest" "RepeatedTest"))
(function_declaration name: (_) @name) @function
(type_alias type: (_) @name) @type
(source_file (property_declaration (modifiers (property_modifier)) (variable_declaration (identifier) @name)) @const)
(source_file (property_declaration (variable_declaration (identifier) @name)) @variable)
(class_body (property_declaration (variable_declaration (identifier) @name)) @property)

(line_comment) @doc
(block_comment) @doc
