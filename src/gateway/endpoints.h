#pragma once

#include "gateway/model.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace serin::gateway {

// Services and pods, prepared for look-ups. The objects must outlive it.
class ServiceIndex {
public:
    ServiceIndex(const std::vector<Object>& services, const std::vector<Object>& pods);

    // The backend of one Service port (0: its only one). `not_found` when there is no such Service
    // or port.
    Result<Backend> resolve(const std::string& ns, const std::string& service, int port) const;

    // The pods of one revision behind a Service port, whichever the Service itself selects now.
    Result<std::map<std::string, Endpoint>> pods_of_revision(
        const std::string& ns,
        const std::string& service,
        int port,
        const std::string& revision) const;

private:
    Result<Backend> resolve(
        const std::string& ns,
        const std::string& service,
        int port,
        const std::optional<std::string>& revision) const;
    std::vector<const Object*> select_pods(
        const std::string& ns, const std::map<std::string, std::string>& selector) const;

    std::map<ObjectKey, const Object*> services_;
    std::map<std::string, std::vector<const Object*>> pods_;  // By "ns/label=value".
};

// "<hash>:<pod>"; a pod without the label has an empty hash.
std::string server_name(const Object& pod);

// Where `target` (a Service port's targetPort) is in this pod: a name is looked up among its
// containers' ports, and the annotation serin.dev/ports has the last word. 0 when it has none.
int port_in_pod(const Object& pod, const json::Value& target);

}  // namespace serin::gateway
