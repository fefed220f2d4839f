package main

import (
	"fmt"
	"strconv"

	"github.com/flowrun/flowrun/spec"
)

// intFlag is a flag that stands for a spec's key, and takes the ints that the key
// takes: 010 is ten.
type intFlag struct{ to *int64 }

func (f intFlag) String() string {
	if f.to == nil { // the zero value, which pflag compares with
		return "0"
	}
	return strconv.FormatInt(*f.to, 10)
}

func (f intFlag) Set(text string) error {
	v, err := spec.ParseInt(text)
	if err != nil {
		return fmt.Errorf("it %w", err)
	}
	*f.to = v
	return nil
}

func (intFlag) Type() string { return "int" }
