// Google's own in-memory Pub/Sub as a process: pstest behind a gRPC server of our own, because the stock one takes no
// message over 4 MB. Adds no checks and no faults: its worth is that nobody here wrote it. Takes one argument, host:port.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
)

const maxMessageBytes = 32 << 20

func run(address string) error {
	inner := pstest.NewServerWithAddress("127.0.0.1:0")
	defer inner.Close()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessageBytes), grpc.MaxSendMsgSize(maxMessageBytes))
	pubsubpb.RegisterPublisherServer(server, &inner.GServer)
	pubsubpb.RegisterSubscriberServer(server, &inner.GServer)
	pubsubpb.RegisterSchemaServiceServer(server, &inner.GServer)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		server.Stop()
	}()
	fmt.Printf("PUBSUB_EMULATOR_HOST=%s\n", listener.Addr())
	return server.Serve(listener)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pstest HOST:PORT")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
