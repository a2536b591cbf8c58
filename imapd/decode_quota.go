package imapd

import "strings"

// quotaRootArg decodes the name of a quota root from the space before it on.
func (d *decoder) quotaRootArg() string {
	d.sp()
	return d.astring(`a quota root, mostly ""`)
}

// setQuota is what SETQUOTA asks for (RFC 9208 §7).
type setQuota struct {
	root   string
	limits map[string]int64 // by the resources' names, in capitals
}

func (d *decoder) setQuotaArgs() setQuota {
	args := setQuota{d.quotaRootArg(), map[string]int64{}}
	d.sp()
	d.list(func() {
		resource := strings.ToUpper(d.atom("a resource such as STORAGE"))
		d.sp()
		if _, twice := args.limits[resource]; twice {
			d.reject(bad("%s stands there twice", shown(resource)))
		}
		args.limits[resource] = d.number64()
	})
	return args
}
