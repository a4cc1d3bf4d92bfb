; Definitions of C, which C++ has too: the capture names the kind, @name its name; @doc is what may stand before a
; definition. A pointer that is returned wraps the declarator.
(function_definition declarator: (function_declarator declarator: (identifier) @name)) @function
(function_definition declarator: (_ declarator: (function_declarator declarator: (identifier) @name))) @function
(function_definition declarator: (_ declarator: (_ declarator: (function_declarator declarator: (identifier) @name)))) @function
(declaration declarator: (function_declarator declarator: (identifier) @name)) @function
(declaration declarator: (_ declarator: (function_declarator declarator: (identifier) @name))) @function
(struct_specifier name: (_) @name body: (_)) @struct
(union_specifier name: (_) @name body: (_)) @struct
(enum_specifier name: (_) @name body: (_)) @enum
(type_definition type: (struct_specifier !name) declarator: (type_identifier) @name) @struct
(type_definition type: (union_specifier !name) declarator: (type_identifier) @name) @struct
(type_definition type: (enum_specifier !name) declarator: (type_identifier) @name) @enum
(type_definition type: [(primitive_type) (sized_type_specifier) (type_identifier)] declarator: (type_identifier) @name) @type
(type_definition type: [(primitive_type) (sized_type_specifier) (type_identifier)] declarator: (_ declarator: (type_identifier) @name)) @type
((type_definition type: (_ name: (_) @_tag) declarator: (type_identifier) @name) @type (#not-eq? @_tag @name))
((type_definition type: (_ name: (_) @_tag) declarator: (_ declarator: (type_identifier) @name)) @type (#not-eq? @_tag @name))
(type_definition declarator: (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))) @type
(preproc_function_def name: (_) @name) @macro
(preproc_def name: (_) @name value: (_)) @macro
((translation_unit (declaration (type_qualifier) @_how declarator: (init_declarator declarator: [(identifier) @name (_ declarator: (identifier) @name) (_ declarator: (_ declarator: (identifier) @name))])) @const)
  (#any-of? @_how "const" "constexpr"))
(translation_unit (declaration declarator: (init_declarator declarator: [(identifier) @name (_ declarator: (identifier) @name) (_ declarator: (_ declarator: (identifier) @name))])) @variable)

(comment) @doc
