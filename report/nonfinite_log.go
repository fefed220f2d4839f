package report

import "github.com/flowrun/flowrun/ir"

// arranging are the ops that probabilities go through on their way to a log: the right
// class is chosen, a mask laid on them.
var arranging = map[string]bool{
	"add": true, "broadcast_to": true, "cast": true, "clamp": true, "copy": true, "detach": true, "flatten": true,
	"gather": true, "max": true, "mean": true, "min": true, "mul": true, "neg": true, "permute": true, "reshape": true,
	"slice": true, "squeeze": true, "sub": true, "sum": true, "transpose": true, "unsqueeze": true, "where": true,
}

// insteadOfLog says what takes the place of a log of probabilities, which may be 0; it is
// "" for other logs.
func insteadOfLog(log *ir.Node) string {
	for _, p := range [][2]string{
		{"softmax", "cross_entropy, or log_softmax"},
		{"sigmoid", "binary_cross_entropy_with_logits"},
	} {
		if comesFrom(log, p[0], 8) {
			return "a small " + p[0] + " rounds to 0, and log makes -inf of it: use " + p[1] + ", with what goes into " + p[0] + "; a lower learning rate keeps that small"
		}
	}
	return ""
}

// comesFrom reports whether an op, and behind it only such as arrange, makes a node's
// operand.
func comesFrom(n *ir.Node, op string, depth int) bool {
	for _, in := range n.Inputs {
		if in.Op.Name == op || depth > 0 && arranging[in.Op.Name] && comesFrom(in, op, depth-1) {
			return true
		}
	}
	return false
}
