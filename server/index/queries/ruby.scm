; Definitions of Ruby: the capture names the kind, @name its name; @doc is what may stand before a definition.
(class name: (_) @name) @class
(module name: (_) @name) @module
(method name: (_) @name) @function
(singleton_method name: (_) @name) @function
(assignment left: (constant) @name) @const

(comment) @doc
