#include "gateway/mirror.h"

#include "gateway/split.h"
#include "gateway/text.h"

#include <algorithm>
#include <string_view>

namespace serin::gateway {

namespace {

// Hop-by-hop fields belong to the connection that the request came by; the client writes its own.
constexpr std::string_view script_text = R"(local sending_max = 128
local sending = 0
local own = {"connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "te",
    "trailer", "expect", "proxy-connection"}

local function copy_headers(txn)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        local list = {}
        for i = 0, #values do list[#list + 1] = values[i] end
        headers[name] = list
    end
    for _, name in ipairs(own) do headers[name] = nil end
    return headers
end

local function copy(txn, backend, headers)
    if sending >= sending_max then return end
    headers["x-serin-method"] = {txn.sf:method()}
    headers["x-serin-backend"] = {backend}
    local body = txn.sf:req_body()
    if body == "" then body = nil end
    local request = {
        url = "http://mirror" .. txn.sf:pathq(), dst = socket, headers = headers, body = body,
        timeout = 10000}
    sending = sending + 1
    core.register_task(function()
        pcall(function() core.httpclient():post(request) end)
        sending = sending - 1
    end)
end

core.register_action("serin_mirror", {"http-req"}, function(txn)
    for backend in string.gmatch(txn:get_var("txn.mirrors"), "%S+") do
        copy(txn, backend, copy_headers(txn))
    end
end, 0)
)";

}  // namespace

bool has_mirrors(const RoutingTable& table) {
    return std::ranges::any_of(
        table.rules, [](const auto& item) { return !item.second.mirrors.empty(); });
}

std::string mirror_script(const std::string& dir) {
    return "local socket = \"unix@" + dir + "/mirror.sock\"\n" + std::string(script_text);
}

std::string mirror_frontend(const std::string& dir) {
    return "frontend serin.mirror\n"
           "    bind unix@" +
           dir +
           "/mirror.sock mode 600\n"
           "    http-request set-var(txn.backend) req.hdr(x-serin-backend)\n"
           "    http-request set-method %[req.hdr(x-serin-method)]\n"
           "    http-request del-header x-serin-backend\n"
           "    http-request del-header x-serin-method\n"
           "    use_backend %[var(txn.backend)]\n";
}

std::vector<std::string> mirror_lines(const TableRule& rule) {
    const std::string is_rule = "{ var(txn.rule) -m str " + quote(rule.id) + " }";
    std::vector<std::string> lines;
    for (const MirrorTarget& mirror : rule.mirrors) {
        std::string line = "    http-request set-var-fmt(txn.mirrors) \"%[var(txn.mirrors)] " +
                           mirror.backend + "\" if " + is_rule;
        if (mirror.parts < split_parts) {
            line += " { rand(" + std::to_string(split_parts) + ") lt " +
                    std::to_string(mirror.parts) + " }";
        }
        lines.push_back(std::move(line));
    }
    const std::string is_mirrored = " { var(txn.mirrors) -m found }";
    const std::string has_body = " { req.hdr(content-length) -m found }";
    const std::string is_long = " { req.hdr_val(content-length) gt 8192 }";
    const std::string is_open_ended = " { req.hdr(transfer-encoding) -m found }";
    lines.push_back("    http-request unset-var(txn.mirrors) if " + is_rule + is_long);
    lines.push_back("    http-request unset-var(txn.mirrors) if " + is_rule + is_open_ended);
    lines.push_back(
        "    http-request wait-for-body time 1s if " + is_rule + is_mirrored + has_body);
    lines.push_back("    http-request lua.serin_mirror if " + is_rule + is_mirrored);
    return lines;
}

}  // namespace serin::gateway
