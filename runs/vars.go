package runs

import (
	"encoding/json"
	"math"
)

// Vars are the values of a spec's vars by their names. JSON has no infinities and no NaN:
// there they are strings, as YAML writes them.
type Vars map[string]any

// MarshalJSON writes an object, sorted by names.
func (v Vars) MarshalJSON() ([]byte, error) {
	plain := make(map[string]any, len(v))
	for name, value := range v {
		plain[name] = jsonValue(value)
	}
	return json.Marshal(plain)
}

// jsonValue is a value that JSON can hold.
func jsonValue(v any) any {
	switch v := v.(type) {
	case float64:
		switch {
		case math.IsNaN(v):
			return ".nan"
		case math.IsInf(v, 1):
			return ".inf"
		case math.IsInf(v, -1):
			return "-.inf"
		}
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = jsonValue(item)
		}
		return list
	}
	return v
}
