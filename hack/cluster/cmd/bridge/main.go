// bridge opens a port of the host's 127.0.0.1 onto an address of the cluster's own network.
//
//	bridge PID LISTEN TARGET     prints "127.0.0.1:PORT PID-OF-THE-SERVER"
//
// PID is pid 1 of the cluster's namespaces. The port is opened in the network of the caller; the server that accepts
// on it is then forked into the network and pid namespace of the cluster, so that it dials TARGET there and dies with
// the cluster. No interface, route or rule is added to the host.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const dialTimeout = 10 * time.Second

func main() {
	var err error
	switch {
	case len(os.Args) == 4:
		err = open(os.Args[1], os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	default:
		err = fmt.Errorf("usage: bridge PID LISTEN TARGET")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bridge:", err)
		os.Exit(1)
	}
}

func open(pid, listen, target string) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Namespaces belong to threads; a child inherits those of the thread that forks it.
	runtime.LockOSThread()
	for _, space := range []struct {
		name string
		flag int
	}{{"net", unix.CLONE_NEWNET}, {"pid", unix.CLONE_NEWPID}} {
		if err := enter("/proc/"+pid+"/ns/"+space.name, space.flag); err != nil {
			return err
		}
	}
	child := exec.Command(self, "serve", target)
	child.ExtraFiles = []*os.File{file}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return err
	}
	fmt.Println(listener.Addr(), child.Process.Pid)
	return nil
}

func enter(path string, flag int) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, flag); err != nil {
		return fmt.Errorf("setns %s: %w", path, err)
	}
	return nil
}

func serve(target string) error {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go join(client.(*net.TCPConn), target)
	}
}

// join copies both ways and passes on a half-close, which HTTP/1.0 clients and exec streams rely on.
func join(client *net.TCPConn, target string) {
	defer client.Close()
	upstream, err := net.DialTimeout("tcp", target, dialTimeout)
	if err != nil {
		return
	}
	defer upstream.Close()
	server := upstream.(*net.TCPConn)
	var both sync.WaitGroup
	for _, way := range [][2]*net.TCPConn{{server, client}, {client, server}} {
		both.Add(1)
		go func() {
			defer both.Done()
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].CloseWrite()
		}()
	}
	both.Wait()
}
