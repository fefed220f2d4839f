package kernels

import "fmt"

// language is how a language writes an entry point.
type language struct {
	name      string
	extension string
	headers   []string // files that come before every kernel
	batches   bool     // whether a work-item of a kernel that doesn't say takes several elements
	entry     string   // what stands before its name
	bounds    string   // a pattern of what may come between
	input     string   // an input of dtype %s and name %s
	output    string
	index     string            // what follows a buffer, by its number %d
	scalars   map[string]string // by type: ScalarTypes and SizeTypes
	of        map[string]string // of those, the ones that depend on a dtype %s, in a fused kernel
	// Where scalars and sizes come as members of one struct, the parameter that has
	// it, what comes before a member's name, and what a kernel may take after it.
	members  string
	member   string
	builtIns map[string]bool // true of those that have as many components as the grid has dimensions
}

var languages = map[string]*language{
	"opencl": {
		name:      "opencl",
		extension: ".cl",
		headers:   []string{"opencl/prelude.h", "common/words.h"},
		entry:     "kernel void",
		input:     "global const %s *%s",
		output:    "global %s *%s",
		scalars: map[string]string{"int": "int", "long": "long", "bool": "int", "float": "S", "number": "C",
			"shape": "int8", "strides": "int8", "dims": "int8", "offsets": "int8"},
		of: map[string]string{"float": "SCALAR(%s)", "number": "COMPUTE(%s)"},
	},
	"cuda": {
		name:      "cuda",
		extension: ".cu",
		headers:   cppHeaders("cuda"),
		batches:   true,
		entry:     `extern "C" __global__ void`,
		bounds:    `(?:__launch_bounds__\(\w+, \w+\)\s+)?`,
		input:     "const %s *%s",
		output:    "%s *%s",
		scalars: map[string]string{"int": "int", "long": "i64", "bool": "int", "float": "S", "number": "C",
			"shape": "list", "strides": "list", "dims": "list", "offsets": "list"},
		of: map[string]string{"float": "SCALAR(%s)", "number": "COMPUTE(%s)"},
	},
	"metal": {
		name:      "metal",
		extension: ".metal",
		headers:   cppHeaders("metal"),
		entry:     "kernel void",
		input:     "device const %s *%s",
		output:    "device %s *%s",
		index:     " [[buffer(%d)]]",
		scalars: map[string]string{"int": "int", "long": "i64", "bool": "int", "float": "S", "number": "C",
			"shape": "list", "strides": "list", "dims": "list", "offsets": "list"},
		of:       map[string]string{"float": "SCALAR(%s)", "number": "COMPUTE(%s)"},
		members:  "constant arguments &with",
		member:   "with.",
		builtIns: metalBuiltIns,
	},
}

// cppHeaders are those of a language that is C++, whose functions of floats are ours.
func cppHeaders(name string) []string {
	return []string{name + "/prelude.h", "common/words.h", name + "/floats.h", "common/math.h", name + "/special.h", "common/functions.h", name + "/work.h"}
}

// metalBuiltIns are what a thread can ask Metal about itself.
var metalBuiltIns = map[string]bool{
	"thread_position_in_grid": true, "thread_position_in_threadgroup": true, "threadgroup_position_in_grid": true,
	"threads_per_threadgroup": true, "threadgroups_per_grid": true, "threads_per_grid": true,
	"thread_index_in_threadgroup": false, "thread_index_in_simdgroup": false, "simdgroup_index_in_threadgroup": false,
	"threads_per_simdgroup": false, "simdgroups_per_threadgroup": false,
}

// path is where a kernel's file lies, or a template's.
func (l *language) path(name string) string { return l.name + "/" + name + l.extension }

// Parameters are those of the kernel's entry point in a language, as its source
// must write them: "global const T *x", "int n". In a language that has scalars and
// sizes in a struct, it is one parameter, the last.
func (k *Kernel) Parameters(name string) []string {
	l := languages[name]
	var all []string
	add := func(parameter string) {
		if l.index != "" {
			parameter += fmt.Sprintf(l.index, len(all))
		}
		all = append(all, parameter)
	}
	for _, in := range k.Inputs {
		add(fmt.Sprintf(l.input, sourceDType(in.DType), in.Name))
	}
	add(fmt.Sprintf(l.output, sourceDType(k.Output.DType), k.Output.Name))
	values := k.values(l)
	if l.members == "" {
		return append(all, values...)
	}
	if len(values) > 0 {
		add(l.members)
	}
	return all
}

// Members are those of the struct that has the scalars and sizes in a language,
// "int n", "list dims"; none in a language that has no such struct.
func (k *Kernel) Members(name string) []string {
	if l := languages[name]; l.members != "" {
		return k.values(l)
	}
	return nil
}

// values declares the scalars and sizes that are passed.
func (k *Kernel) values(l *language) (all []string) {
	for _, s := range append(k.Scalars[:len(k.Scalars):len(k.Scalars)], k.Sizes...) {
		typ := l.scalars[s.Type]
		if of := l.of[s.Type]; s.dtype != "" && of != "" {
			typ = fmt.Sprintf(of, sourceDType(s.dtype))
		}
		if typ != "" {
			all = append(all, typ+" "+s.Name)
		}
	}
	return all
}
