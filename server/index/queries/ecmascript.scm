; Definitions of JavaScript that TypeScript has too: the capture names the kind, @name its name; @doc is what may stand
; before a definition. A name matches more than one pattern: the first one wins.
(class_declaration name: (_) @name) @class
(function_declaration name: (_) @name) @function
(generator_function_declaration name: (_) @name) @function
(method_definition name: (_) @name) @method

; Functions, classes and values that a name of the file is given.
(program (lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)])) @function)
(program (variable_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)])) @function)
(program (export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression) (generator_function)])) @function))
(program (lexical_declaration (variable_declarator name: (identifier) @name value: (class))) @class)
(program (export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name value: (class))) @class))
((program (lexical_declaration kind: "const" (variable_declarator name: (identifier) @name value: (_) @_value)) @const) (#not-match? @_value "^(await\\s+)?(require|import)\\b"))
((program (lexical_declaration kind: "let" (variable_declarator name: (identifier) @name)) @variable))
((program (variable_declaration (variable_declarator name: (identifier) @name value: (_) @_value)) @variable) (#not-match? @_value "^(await\\s+)?(require|import)\\b"))
(program (export_statement declaration: (lexical_declaration kind: "const" (variable_declarator name: (identifier) @name)) @const))
(program (export_statement declaration: (lexical_declaration kind: "let" (variable_declarator name: (identifier) @name)) @variable))
(program (export_statement declaration: (variable_declaration (variable_declarator name: (identifier) @name)) @variable))

; `exports.name = …`, `Type.prototype.name = …`
((program (expression_statement (assignment_expression left: (member_expression object: (member_expression object: (identifier) @container property: (property_identifier) @_is) property: (property_identifier) @name) right: [(arrow_function) (function_expression) (generator_function)]) @method)) (#eq? @_is "prototype"))
(program (expression_statement (assignment_expression left: (member_expression property: (property_identifier) @name) right: [(arrow_function) (function_expression) (generator_function)]) @function))
(program (expression_statement (assignment_expression left: (member_expression property: (property_identifier) @name) right: (class)) @class))

; Functions in an object of the file.
(program (lexical_declaration (variable_declarator value: (object (pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @method))))
(program (export_statement (lexical_declaration (variable_declarator value: (object (pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @method)))))
(program (export_statement value: (object (pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @method)))
(program (expression_statement (assignment_expression right: (object (pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @method))))

; Test runners take a name and a function.
((call_expression function: (identifier) @_runner arguments: (arguments . [(string) (template_string)] @name [(arrow_function) (function_expression)])) @test
  (#any-of? @_runner "describe" "it" "test" "suite" "bench"))
((call_expression function: (call_expression function: (member_expression object: (identifier) @_runner)) arguments: (arguments . [(string) (template_string)] @name [(arrow_function) (function_expression)])) @test
  (#any-of? @_runner "describe" "it" "test" "suite" "bench"))
((call_expression function: (member_expression object: (identifier) @_runner) arguments: (arguments . [(string) (template_string)] @name [(arrow_function) (function_expression)])) @test
  (#any-of? @_runner "describe" "it" "test" "suite" "bench" "Deno"))

(comment) @doc
(decorator) @doc
