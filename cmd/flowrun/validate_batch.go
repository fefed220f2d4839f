package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/report"
)

// maxBatch finds the largest batch with which a spec's training fits on a device, by
// planning alone: it doubles the size until it no longer fits, and then halves what is
// between.
type maxBatch struct {
	device   string
	variable string // whose value is the size; "": that of the batches that training reads from files
	load     func(options ...flowrun.LoadOption) (*flowrun.Program, error)
}

// batchFlag adds --max-batch.
func (o *validateFlags) batchFlag(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.maxBatch, "max-batch", "", "with --on, find the largest batch that fits in the device's memory; `VAR` is the var that says the size of batches, needed where data is generated")
	f.Lookup("max-batch").NoOptDefVal = ofFiles
}

// ofFiles is what --max-batch alone means.
const ofFiles = "files"

// checkBatchFlag refuses what --max-batch can't be combined with.
func (o *validateFlags) checkBatchFlag(files []source) error {
	switch {
	case o.maxBatch == "":
		return nil
	case len(o.on) != 1:
		return usageError{errors.New("--max-batch needs one --on DEVICE, whose memory is what batches have to fit into")}
	case len(files) != 1 || files[0].path == stdin:
		return usageError{errors.New("--max-batch takes one spec, from a file")}
	case o.format != "text":
		return usageError{errors.New("--max-batch writes text; it can't be combined with --format")}
	}
	return nil
}

// checkBatchVar refuses a var that stands after --max-batch, where it would be taken for a
// file: pflag gives a flag that needs no value none that follows it.
func (o *validateFlags) checkBatchVar(args []string) error {
	if o.maxBatch != ofFiles {
		return nil
	}
	for _, a := range args {
		if _, err := strconv.Atoi(a); err == nil {
			return usageError{fmt.Errorf("--max-batch takes no number (%s): it finds the largest batch that fits", diag.CutPath(a))}
		}
		if _, err := os.Stat(a); err != nil && a != stdin && !strings.ContainsAny(a, "./*?[") {
			return usageError{fmt.Errorf("there is no spec %s; for the var of this name write --max-batch=%[1]s", diag.CutPath(a))}
		}
	}
	return nil
}

// tellMaxBatch finds the largest batch of a spec without errors, and says it.
func (o *validateFlags) tellMaxBatch(path string, s streams, options []flowrun.LoadOption) error {
	m := maxBatch{device: o.on[0], load: func(more ...flowrun.LoadOption) (*flowrun.Program, error) {
		return flowrun.Load(path, append(options[:len(options):len(options)], more...)...)
	}}
	if o.maxBatch != ofFiles {
		m.variable = o.maxBatch
	}
	text, err := m.find()
	if errors.Is(err, flowrun.ErrGeneratedBatches) {
		return usageError{fmt.Errorf("%w; --max-batch=VAR names the var that they follow", err)}
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s: %s\n", path, text)
	return err
}

// fit says whether batches of a size fit, and why they don't.
type fit struct {
	batch int64
	ok    bool
	why   string // "12.0 GiB of 16.0 GiB on cpu"

	refused bool // by the spec
	refusal error
}

// largestFirst is the largest batch that is tried while a spec takes none.
const largestFirst = 1 << 20

// find describes the largest batch that fits.
func (m *maxBatch) find() (string, error) {
	p, err := m.load()
	if err != nil {
		return "", err
	}
	at := func(batch int64) (fit, error) {
		if m.variable == "" {
			return m.fit(p, batch, batch)
		}
		p, err := m.load(flowrun.With(m.variable, strconv.FormatInt(batch, 10)))
		if err != nil {
			return refusedBatch(batch, err)
		}
		return m.fit(p, 0, batch)
	}
	fits, err := at(1)
	for n := int64(2); fits.refused && n <= largestFirst; n *= 2 { // one that needs more examples
		fits, err = at(n)
	}
	if err != nil || fits.refused {
		return "", errors.Join(err, fits.refusal)
	}
	if !fits.ok {
		return fmt.Sprintf("not even %s fits: %s", report.Counted(fits.batch, "example"), fits.why), nil
	}
	too := fit{batch: math.MaxInt32 + 1, why: "more aren't tried"}
	for fits.batch < too.batch-1 {
		next := min(2*fits.batch, too.batch-1)
		if too.batch <= math.MaxInt32 {
			next = fits.batch + (too.batch-fits.batch)/2
		}
		tried, err := at(next)
		switch {
		case err != nil:
			return "", err
		case tried.ok:
			fits = tried
		default:
			too = tried
		}
	}
	return fmt.Sprintf("batches of up to %s fit: %s; with %s, %s",
		report.Count(fits.batch), fits.why, report.Count(too.batch), too.why), nil
}

// fit plans a program whose batches have the given size: that of files is given again.
func (m *maxBatch) fit(p *flowrun.Program, ofFiles, batch int64) (fit, error) {
	needs, err := p.TrainingMemory(m.device, ofFiles)
	if err != nil {
		return refusedBatch(batch, err)
	}
	all := fit{batch: batch, ok: true}
	var parts []string
	for _, n := range needs {
		if n.Has == 0 {
			return fit{}, fmt.Errorf("how much memory %s has isn't known; flowrun explain --memory shows what a batch needs", n.Device)
		}
		if n.Bytes == 0 {
			continue
		}
		part := fmt.Sprintf("%s of %s on %s", diag.Bytes(n.Bytes), diag.Bytes(n.Has), n.Device)
		if n.Bytes > n.Has && diag.Bytes(n.Bytes) == diag.Bytes(n.Has) {
			part = fmt.Sprintf("%s more than the %s on %s", diag.Bytes(n.Bytes-n.Has), diag.Bytes(n.Has), n.Device)
		}
		if n.Evaluation > 0 {
			part += fmt.Sprintf(" (%s for a step, %s for the evaluation beside it)", diag.Bytes(n.Bytes-n.Evaluation), diag.Bytes(n.Evaluation))
		}
		parts = append(parts, part)
		all.ok = all.ok && n.Bytes <= n.Has
	}
	all.why = strings.Join(parts, ", ")
	return all, nil
}

// refusedBatch is a batch that the spec refuses, or that no device could hold.
func refusedBatch(batch int64, err error) (fit, error) {
	var wrong *flowrun.SpecError
	var large *flowrun.TooLarge
	switch {
	case errors.As(err, &large):
		return fit{batch: batch, why: large.Msg}, nil
	case errors.As(err, &wrong) && len(wrong.Diagnostics.Items) > 0:
		return fit{batch: batch, why: "the spec has errors: " + wrong.Diagnostics.Items[0].Message, refused: true, refusal: err}, nil
	}
	return fit{}, err
}
