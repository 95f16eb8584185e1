package kubernetes

import "k8s.io/client-go/tools/cache"

// toListWatcherWithWatchListSemantics stands for a function that client-go has from 0.35 on; this module builds with
// the 0.34 of its Kubernetes. It would tell the reflector whether the client can stream lists, which real ones can.
func toListWatcherWithWatchListSemantics(watcher *cache.ListWatch, _ any) cache.ListerWatcher {
	return watcher
}
