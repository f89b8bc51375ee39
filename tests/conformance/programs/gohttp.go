// A Go HTTP server and its clients, for go-http.sh. Built static, so that every call the
// program makes is a bare system call.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Println("FAILED:", err)
		os.Exit(1)
	}
}

func pattern(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	return data
}

func serve(addresses []string) {
	var requests int64
	mux := http.NewServeMux()
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		atomic.AddInt64(&requests, 1)
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Write(pattern(n))
	})
	mux.HandleFunc("/hash", func(w http.ResponseWriter, r *http.Request) {
		atomic.AddInt64(&requests, 1)
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		fmt.Fprintf(w, "%d %x %v", n, sum.Sum(nil)[:8], err)
	})
	server := &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)}
	ended := make(chan error, len(addresses))
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		check(err)
		go func() { ended <- server.Serve(listener) }()
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	<-signals
	check(server.Shutdown(context.Background()))
	for range addresses {
		fmt.Println(<-ended)
	}
	fmt.Println("requests", atomic.LoadInt64(&requests))
}

func fetch(address string) {
	transport := &http.Transport{MaxIdleConnsPerHost: 16, MaxConnsPerHost: 16}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	sizes := []int{0, 1, 1000, 65536, 1 << 20}
	var wait sync.WaitGroup
	results := make([]string, 32)
	for i := range results {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			sum := sha256.New()
			for j := 0; j < 20; j++ {
				size := sizes[(i+j)%len(sizes)]
				answer, err := client.Get(fmt.Sprintf("http://%s/bytes?n=%d", address, size))
				check(err)
				n, err := io.Copy(sum, answer.Body)
				check(err)
				answer.Body.Close()
				if n != int64(size) {
					check(fmt.Errorf("%d bytes of %d", n, size))
				}
			}
			results[i] = fmt.Sprintf("%x", sum.Sum(nil)[:8])
		}(i)
	}
	wait.Wait()
	sort.Strings(results)
	fmt.Println("fetched", results[0], results[len(results)-1])
	answer, err := client.Post("http://"+address+"/hash", "application/octet-stream", bytes.NewReader(pattern(5<<20)))
	check(err)
	text, err := io.ReadAll(answer.Body)
	check(err)
	answer.Body.Close()
	fmt.Println("posted", string(text))
}

func datagrams() {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		server, err := net.ListenPacket("udp", address)
		check(err)
		go func() {
			buffer := make([]byte, 65536)
			for {
				n, from, err := server.ReadFrom(buffer)
				if err != nil {
					return
				}
				server.WriteTo(buffer[:n], from)
			}
		}()
		client, err := net.Dial("udp", server.LocalAddr().String())
		check(err)
		check(client.SetDeadline(time.Now().Add(10 * time.Second)))
		total := 0
		for _, size := range []int{0, 1, 512, 1472, 9000, 65507} {
			if size == 65507 && address[0] == '[' {
				size = 65000
			}
			_, err := client.Write(pattern(size))
			check(err)
			buffer := make([]byte, 65536)
			n, err := client.Read(buffer)
			check(err)
			if !bytes.Equal(buffer[:n], pattern(size)) {
				check(errors.New("another datagram came back"))
			}
			total += n
		}
		host, _, _ := net.SplitHostPort(client.LocalAddr().String())
		fmt.Println("datagrams", host, total)
		_, err = client.Write(make([]byte, 70000))
		fmt.Println("too long:", errors.Is(err, syscall.EMSGSIZE))
		client.Close()
		server.Close()
	}
}

func refused(address string) {
	_, err := net.Dial("tcp", address)
	fmt.Println("refused", errors.Is(err, syscall.ECONNREFUSED))
}

func deadlines() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	check(listener.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond)))
	_, err = listener.Accept()
	fmt.Println("accept", errors.Is(err, os.ErrDeadlineExceeded))
	check(listener.(*net.TCPListener).SetDeadline(time.Time{}))
	client, err := net.Dial("tcp", listener.Addr().String())
	check(err)
	server, err := listener.Accept()
	check(err)
	check(client.SetReadDeadline(time.Now().Add(50 * time.Millisecond)))
	_, err = client.Read(make([]byte, 1))
	fmt.Println("read", errors.Is(err, os.ErrDeadlineExceeded))
	check(client.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)))
	for err = nil; err == nil; {
		_, err = client.Write(make([]byte, 1<<20))
	}
	fmt.Println("write", errors.Is(err, os.ErrDeadlineExceeded))
	check(server.(*net.TCPConn).SetLinger(0))
	server.Close()
	check(client.SetReadDeadline(time.Now().Add(5 * time.Second)))
	_, err = client.Read(make([]byte, 1))
	fmt.Println("reset", errors.Is(err, syscall.ECONNRESET))
	listener.Close()
	_, err = listener.Accept()
	fmt.Println("closed", errors.Is(err, net.ErrClosed))
}

func loopback() {
	lo, err := net.InterfaceByName("lo")
	check(err)
	fmt.Println(lo.Index, lo.Name, lo.MTU, lo.Flags&^net.FlagMulticast, lo.HardwareAddr)
	addresses, err := lo.Addrs()
	check(err)
	for _, address := range addresses {
		fmt.Println(address)
	}
	names, err := net.LookupHost("localhost")
	check(err)
	sort.Strings(names)
	fmt.Println(names)
}

func main() {
	switch os.Args[1] {
	case "serve":
		serve(os.Args[2:])
	case "fetch":
		fetch(os.Args[2])
	case "datagrams":
		datagrams()
	case "refused":
		refused(os.Args[2])
	case "deadlines":
		deadlines()
	case "loopback":
		loopback()
	}
}
