package foreign

import (
	"bytes"
	"encoding/binary"
)

// fields calls visit with each field of a protobuf message, as far as text has it: its
// number and, of one with a length, its first bytes. It reports whether all of text could
// be such a message.
func fields(text []byte, visit func(number uint64, value []byte) (more bool)) bool {
	for len(text) > 0 {
		key, n := binary.Uvarint(text)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29-1 {
			return false
		}
		text = text[n:]
		var value []byte
		switch key & 7 {
		case 0:
			if _, n = binary.Uvarint(text); n <= 0 {
				return false
			}
		case 1:
			n = 8
		case 5:
			n = 4
		case 2:
			length, size := binary.Uvarint(text)
			if size <= 0 {
				return false
			}
			text = text[size:]
			n = int(min(length, uint64(len(text))))
			value = text[:n]
		default:
			return false
		}
		if !visit(key>>3, value) {
			return true
		}
		text = text[min(n, len(text)):]
	}
	return true
}

// protobuf identifies models that are protobuf messages, by their first fields.
func protobuf(s Sample) (c Content, ok bool) {
	switch {
	case isONNX(s.Head):
		return Content{"an ONNX model", inPython + "import onnx; " + saveNumPy +
			`save_file({t.name: onnx.numpy_helper.to_array(t).copy() for t in onnx.load("FILE").graph.initializer}, "OUT")`}, true
	case isGraphOfTensorFlow(s.Head):
		return Content{"a graph of TensorFlow (.pb)", "take the checkpoint that it was made from: of a SavedModel, the files variables/variables"}, true
	}
	return c, false
}

// isONNX reports whether a file begins as ONNX's ModelProto: the version, then fields in
// the order of their numbers up to the graph (7), which has nodes (1) or a name (2) first,
// or initializers (5).
func isONNX(head []byte) bool {
	if len(head) < 4 || head[0] != 8 || head[1] == 0 || head[1] > 100 {
		return false
	}
	last, found := uint64(0), false
	fields(head, func(number uint64, value []byte) bool {
		if number < last || number > 8 && last < 7 {
			return false
		}
		if last = number; number != 7 {
			return true
		}
		fields(value, func(inner uint64, _ []byte) bool {
			found = inner == 1 || inner == 2 || inner == 5
			return false
		})
		return false
	})
	return found
}

// isGraphOfTensorFlow reports whether a file begins as a SavedModel, or as a GraphDef: a
// node (1) that has a name (1) and an operation (2) such as Const.
func isGraphOfTensorFlow(head []byte) bool {
	if bytes.HasPrefix(head, []byte("\x08\x01\x12")) && bytes.Contains(head, []byte("serve")) {
		return true
	}
	var node []byte
	fields(head, func(number uint64, value []byte) bool {
		if number == 1 {
			node = value
		}
		return false
	})
	var operation []byte
	fields(node, func(number uint64, value []byte) bool {
		if number == 2 {
			operation = value
		}
		return number == 1
	})
	switch string(operation) {
	case "Const", "Placeholder", "VariableV2", "VarHandleOp", "NoOp":
		return true
	}
	return false
}
