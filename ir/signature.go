package ir

import (
	"fmt"
	"strconv"
	"strings"
)

// Signature is how a call of the op is written: "elu(x, alpha=1.0)".
func (op *Op) Signature() string {
	var params []string
	for _, p := range op.Params {
		switch {
		case p.Hidden:
		case p.Optional:
			params = append(params, p.Name+"="+written(p.Default))
		default:
			params = append(params, p.Name)
		}
	}
	return op.Name + "(" + strings.Join(params, ", ") + ")"
}

// written is a default as expressions write it.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case float64:
		if text := strconv.FormatFloat(v, 'g', -1, 64); strings.ContainsAny(text, ".e") {
			return text
		}
		return strconv.FormatFloat(v, 'f', 1, 64)
	case DType:
		return strconv.Quote(v.String())
	}
	return fmt.Sprint(v)
}

// Summary is the first line of the doc.
func (op *Op) Summary() string {
	summary, _, _ := strings.Cut(op.Doc, "\n")
	return summary
}

// Details is the doc without its summary.
func (op *Op) Details() string {
	_, details, _ := strings.Cut(op.Doc, "\n\n")
	return details
}
