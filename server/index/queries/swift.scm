; Definitions of Swift: the capture names the kind, @name its name; @doc is what may stand before a definition.
(class_declaration declaration_kind: "class" name: (_) @name) @class
(class_declaration declaration_kind: "actor" name: (_) @name) @class
(class_declaration declaration_kind: "struct" name: (_) @name) @struct
(class_declaration declaration_kind: "enum" name: (_) @name) @enum
(class_declaration declaration_kind: "extension" name: (_) @name) @impl
(protocol_declaration name: (_) @name) @interface
(function_declaration name: (simple_identifier) @name) @function
(init_declaration name: "init" @name) @method
(protocol_function_declaration name: (simple_identifier) @name) @method
(typealias_declaration name: (type_identifier) @name) @type
(source_file (property_declaration name: (pattern bound_identifier: (_) @name)) @variable)
(class_body (property_declaration name: (pattern bound_identifier: (_) @name)) @property)

(comment) @doc
(multiline_comment) @doc
