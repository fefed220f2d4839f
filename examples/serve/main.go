// Command serve answers HTTP requests with a model: JSON in, JSON out.
//
//	go run ./examples/serve -spec graphs/iris.yaml -weights iris.safetensors
//
// README.md says how to ask it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/flowrun/flowrun"
)

func main() {
	spec := flag.String("spec", "", "the spec of the model, a `FILE`")
	weights := flag.String("weights", "", "its weights, a safetensors `FILE`; read again by POST /weights")
	address := flag.String("listen", "127.0.0.1:8080", "the `ADDRESS` to listen on")
	device := flag.String("device", "cpu", "the `DEVICE` to run on")
	flag.Parse()
	if *spec == "" || *weights == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *spec, *weights, *device, *address); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then finishes the requests that have begun.
func run(ctx context.Context, spec, weights, device, address string) (err error) {
	s, err := newServer(ctx, spec, weights, flowrun.On(device))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return server.Shutdown(ending)
}
