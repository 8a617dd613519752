package main

import (
	"fmt"
	"os"
	"os/exec"
)

// network is a connection to a second network namespace, which stands for another host.
type network struct {
	name   string   // of the namespace
	link   string   // our end of the connection
	server string   // our address, as seen from there
	from   []string // command that starts another one there
	delay  bool     // delays can be simulated
}

// newNetwork creates a network namespace. It returns nil and the reason if that is not
// possible.
func newNetwork() (*network, string) {
	if os.Geteuid() != 0 {
		return nil, "only root can create network namespaces"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return nil, "ip is not installed (Debian package iproute2)"
	}
	id := fmt.Sprint(os.Getpid() % 1e6)
	n := &network{name: "davbench" + id, link: "dvb" + id, server: "198.18.0.1"} // RFC 2544
	n.from = []string{"ip", "netns", "exec", n.name}
	peer := "dvp" + id
	for _, args := range [][]string{
		{"netns", "add", n.name},
		{"link", "add", n.link, "mtu", "1500", "type", "veth", "peer", "name", peer, "mtu", "1500", "netns", n.name},
		{"addr", "add", n.server + "/30", "dev", n.link},
		{"link", "set", n.link, "up"},
		{"-n", n.name, "addr", "add", "198.18.0.2/30", "dev", peer},
		{"-n", n.name, "link", "set", peer, "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			n.remove()
			return nil, fmt.Sprintf("ip %v: %v: %s", args, err, out)
		}
	}
	n.delay = n.addDelay() == nil && n.removeDelay() == nil
	return n, ""
}

// addDelay delays every packet to the namespace by 1 ms.
func (n *network) addDelay() error {
	return exec.Command("tc", "qdisc", "add", "dev", n.link, "root", "netem", "delay", "1ms", "limit", "100000").Run()
}

func (n *network) removeDelay() error {
	return exec.Command("tc", "qdisc", "del", "dev", n.link, "root").Run()
}

// remove removes the namespace, and with it the connection.
func (n *network) remove() { _ = exec.Command("ip", "netns", "del", n.name).Run() }
