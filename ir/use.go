package ir

// ModuleUse is a node of a model, or a use of a module in it, as its spec writes them.
// Nodes and states belong to the use with the longest path that theirs begins with.
type ModuleUse struct {
	Path    string
	Module  string // the module's name; "" for a node that is an expression
	Outputs []Output
}
