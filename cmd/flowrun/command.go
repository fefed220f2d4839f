package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/report"
	"github.com/flowrun/flowrun/spec"
)

// The exit codes, as scripts rely on them.
const (
	exitDone        = 0   // done, or valid
	exitProblems    = 1   // problems in the spec
	exitUsage       = 2   // bad usage
	exitFailed      = 3   // the run failed, or has diverged
	exitInterrupted = 130 // Ctrl-C
)

// streams are the process's standard files.
type streams struct {
	in          io.Reader
	out, errors io.Writer
}

// errInterrupted says that Ctrl-C ended a run; its summary has been written.
var errInterrupted = errors.New("interrupted")

// usageError is an error in the command line.
type usageError struct{ error }

// execute runs a command line and returns the exit code. Every error is a message on
// the error stream, never a stack trace.
func execute(ctx context.Context, args []string, s streams) int {
	root := newRoot(s)
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.errors)
	err := root.ExecuteContext(ctx)
	var wrong *flowrun.SpecError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		fmt.Fprintln(s.errors, "flowrun: interrupted")
		return exitInterrupted
	case errors.As(err, &wrong):
		_ = writeFindings(s.errors, wrong)
		return exitProblems
	case errors.Is(err, errProblems):
		return exitProblems
	case errors.As(err, &usageError{}):
		tell(s.errors, err)
		return exitUsage
	}
	tell(s.errors, err)
	return exitFailed
}

// tell writes an error. It may quote file names and their contents, so everything that
// could control a terminal is escaped.
func tell(w io.Writer, err error) {
	fmt.Fprintln(w, diag.Printable("flowrun: "+err.Error()))
}

// writeFindings writes a spec's diagnostics, in colour on a terminal.
func writeFindings(w io.Writer, e *flowrun.SpecError) error {
	return e.Diagnostics.WriteText(w, colourful(w))
}

// colourful reports whether output to w may be coloured.
func colourful(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && report.Colour(f)
}

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "flowrun SPEC",
		Short: "Run, check and explain declarative dataflow programs",
		Long: `flowrun runs declarative dataflow programs: a YAML spec describes a model and how
to train it, flowrun checks it, lowers it onto the machine's devices and runs it.

"flowrun SPEC" is short for "flowrun run SPEC".

Exit codes: 0 done, or valid; 1 problems in the spec; 2 bad usage; 3 the run
failed or diverged; 130 interrupted.`,
		Example: `  flowrun graphs/math_net.yaml
  flowrun graphs/math_net.yaml --set lr=0.05 --save weights.safetensors
  flowrun validate graphs/math_net.yaml`,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,

		PersistentPreRunE: refuseEmptyNames,
	}
	root.SuggestionsMinimumDistance = 2
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", helpWidth)))
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (%s --help lists the flags)", err, c.CommandPath())}
	})
	var o runFlags
	o.add(root)
	root.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		if name := unknownCommand(c, args); name != "" {
			return usageError{fmt.Errorf("no command or file is called %q; did you mean flowrun %s?", args[0], name)}
		}
		return o.run(c, args, s)
	}
	addGroup(root, "use", "Train and use a model:", newRun(s), newInfer(s), newGenerate(s))
	addGroup(root, "results", "Look at runs and weights:", newRuns(s), newWeights(s))
	addGroup(root, "specs", "Check and understand a spec:", newValidate(s), newExplain(s), newSummary(s), newData(s), newRender(s), newFormat(s))
	addGroup(root, "reference", "Look something up:", newModules(s), newOps(s), newRules(s), newSchema(s), newKernels(s), newDevices(s), newVersion(s))
	root.SetHelpCommandGroupID("reference")
	for _, c := range append(root.Commands(), root) {
		c.Long = filled(c.Long, helpWidth)
	}
	return root
}

// helpWidth is how wide help is, in columns.
const helpWidth = 80

// filled breaks the lines of a text's paragraphs anew, but for those that are indented.
func filled(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if strings.Contains("\n"+p, "\n ") {
			continue
		}
		var lines strings.Builder
		column := 0
		for _, word := range strings.Fields(p) {
			size := utf8.RuneCountInString(word)
			switch {
			case column == 0:
			case column+1+size > width:
				lines.WriteByte('\n')
				column = 0
			default:
				lines.WriteByte(' ')
				column++
			}
			lines.WriteString(word)
			column += size
		}
		paragraphs[i] = lines.String()
	}
	return strings.Join(paragraphs, "\n\n")
}

// addGroup adds commands under a title of their own.
func addGroup(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, c := range commands {
		c.GroupID = id
	}
	root.AddCommand(commands...)
}

// unknownCommand gives the command that was probably meant when the first
// argument is neither a command nor a file.
func unknownCommand(root *cobra.Command, args []string) string {
	if _, err := os.Stat(args[0]); err == nil || strings.ContainsAny(args[0], "./\\") {
		return ""
	}
	for _, name := range root.SuggestionsFor(args[0]) {
		return name
	}
	return ""
}

// oneSpec is the argument rule of commands that take a spec.
func oneSpec(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("%s takes one spec, got %d arguments", c.CommandPath(), len(args))}
	}
	return nil
}

// somePaths is the argument rule of commands that take paths.
func somePaths(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError{fmt.Errorf("%s takes at least one spec, folder, glob or -", c.CommandPath())}
	}
	return nil
}

// atMostOne is the argument rule of commands that list things, or show the one named.
func atMostOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usageError{fmt.Errorf("%s takes one %s, got %d arguments", c.CommandPath(), what, len(args))}
		}
		return nil
	}
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, got %q", c.CommandPath(), args[0])}
	}
	return nil
}

// unknown is the error for a name that is none of those that a command lists.
func unknown(what, name string, names []string, command string) error {
	help := diag.Suggestion(name, names)
	if help == "" {
		help = command + " lists them"
	}
	return usageError{fmt.Errorf("there is no %s %q; %s", what, name, help)}
}

// writeJSON writes a value as indented JSON.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// specFlags are the flags of every command that reads a spec.
type specFlags struct {
	set       []string
	vars      []string
	seed      int64
	allowRead []string
}

func (o *specFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&o.set, "set", nil, "override one of the spec's vars: `KEY=VALUE` (repeatable)")
	f.StringArrayVar(&o.vars, "vars", nil, "read overrides of vars from `FILE`, a YAML mapping (repeatable; --set takes precedence)")
	intFlag(c, &o.seed, "seed", "override the spec's seed with `N`")
	f.StringArrayVar(&o.allowRead, "allow-read", nil, "allow the spec to name files in `DIR`, outside its own folder (repeatable)")
}

// load reads the spec as the flags say, and shows its warnings.
func (o *specFlags) load(c *cobra.Command, path string, s streams) (*flowrun.Program, error) {
	options, err := o.options(c)
	if err != nil {
		return nil, err
	}
	back := withinMemory()
	p, err := flowrun.Load(path, options...)
	back()
	if err != nil {
		return nil, err
	}
	return p, p.WriteWarnings(s.errors, colourful(s.errors))
}

func (o *specFlags) options(c *cobra.Command) ([]flowrun.LoadOption, error) {
	var options []flowrun.LoadOption
	for _, file := range o.vars {
		options = append(options, flowrun.VarsFrom(file))
	}
	for _, kv := range o.set {
		key, value, ok := strings.Cut(kv, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("--set takes KEY=VALUE, got %q", kv)}
		}
		options = append(options, flowrun.With(key, value))
	}
	if c.Flags().Changed("seed") {
		options = append(options, flowrun.WithSeed(o.seed))
	}
	for _, dir := range o.allowRead {
		options = append(options, flowrun.AllowRead(dir))
	}
	return options, nil
}

// startFlags say where a program runs, and with which parameters.
type startFlags struct {
	device, kernels string
	threads         int
	weightsFlags
}

func (o *startFlags) add(c *cobra.Command, weightsUsage string) {
	deviceFlag(c, &o.device)
	kernelsFlag(c, &o.kernels)
	threadsFlag(c, &o.threads)
	o.weightsFlags.add(c, weightsUsage)
}

func (o *startFlags) options(program *flowrun.Program) (options []flowrun.StartOption, err error) {
	if o.device != "" {
		options = append(options, flowrun.On(o.device))
	}
	if o.kernels != "" {
		options = append(options, flowrun.KernelsFrom(o.kernels))
	}
	options = append(options, flowrun.Threads(o.threads))
	weights, err := o.weightsFlags.read(program)
	return append(options, weights...), err
}

// intFlag adds a flag that stands for a spec's key, and takes the ints that the key
// takes: 010 is ten.
func intFlag(c *cobra.Command, to *int64, name, usage string) {
	c.Flags().Func(name, usage, func(text string) (err error) {
		if *to, err = spec.ParseInt(text); err != nil {
			return fmt.Errorf("it %w", err)
		}
		return nil
	})
}

// threadsFlag is --threads.
func threadsFlag(c *cobra.Command, threads *int) {
	c.Flags().Func("threads", "let up to `N` threads share a kernel on the CPU, instead of as many as the machine or container has; results are the same for any number", func(text string) error {
		n, err := spec.ParseInt(text)
		if err == nil && (n < 1 || n > 1<<16) {
			err = fmt.Errorf("is no number of threads: choose 1 to %d", 1<<16)
		}
		if err != nil {
			return fmt.Errorf("it %w", err)
		}
		*threads = int(n)
		return nil
	})
}

// kernelsFlag is --kernels.
func kernelsFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "kernels", "", "read kernel sources from `DIR` before the built-in ones: "+strings.Join(kernels.FileNames("NAME"), ", "))
}

// deviceFlag is --device.
func deviceFlag(c *cobra.Command, device *string) {
	c.Flags().StringVar(device, "device", "", "run on `DEVICE`, apart from what the spec places elsewhere; auto picks the one with the lowest estimated step time (flowrun devices lists them)")
}
