// Package ir is the one representation of a program: a dataflow graph, from
// the spec through differentiation and lowering to the engine.
//
//   - A [Node] applies an [Op] to the values of other nodes and has one value,
//     whose [Type] (dtype and shape) is known. Nodes are immutable in meaning:
//     passes make new ones.
//   - A [State] is a value that outlives a step: a parameter, a moment of an
//     optimizer, a metric, the step counter, an input. Its Read node is
//     its value before the step; its Next node, if it has one, is the value that
//     the step commits.
//   - A [Graph] holds the states, the outputs, and through them the nodes.
//
// Invariants, checked by [Verify]: every operand of a node is in the graph and
// comes before it in Nodes; a node's Type is what its op's type rule gives;
// a state's Next has the state's own type; names are unique.
//
// Backward passes, optimizers, metrics, data and the stop condition are nodes
// like any other. The package knows no YAML and no device.
package ir
