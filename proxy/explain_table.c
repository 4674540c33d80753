/*
 * What can go wrong, a row an id, see explain.h.  arc-relay-errors(7) has the
 * same ids and exit statuses.
 */
#include "proxy/explain.h"
#include "relay/err.h"

const struct explain_row explain_table[] = {
	{ "E101", "here", { EX_NOINPUT }, 0,
	    "Failed to create ssh key file with error\n"
	    "Failed to run ssh command with error\n"
	    "Failed to get certificate info with error\n"
	    "No such file or directory: 'ssh\n"
	    "[WinError 2] The system cannot find the file specified\n"
	    "Unable to find OpenSSH Client\n"
	    "Could not find ssh>.exe\n"
	    "there is no ssh on PATH\n"
	    "there is no ssh-add on PATH",
	    "The programs of OpenSSH are not on PATH: ssh, ssh-keygen or "
	    "ssh-add was to be started and is not there.",
	    "sudo apt install openssh-client; or tell az where they are "
	    "with --ssh-client-folder DIR." },
	{ "E102", "here", { EX_CONFIG }, 0,
	    "cannot execute: Permission denied\n"
	    "sshProxy>: Permission denied\n"
	    "arc-relay-proxy: Permission denied\n"
	    "zsh:>permission denied: \n"
	    "exists but is not an executable file\n"
	    "CreateProcessW failed error:5\n"
	    "posix_spawnp: Input/output error",
	    "The program that the ssh configuration names as "
	    "ProxyCommand is not there, or this user may not run it.",
	    "chmod 0755 FILE; or write the blocks anew with arc-relay "
	    "config install, which names a program that can be run." },
	{ "E103", "here", { EX_NOINPUT }, 0,
	    "Failed to find the PowerShell module Az.Ssh.ArcProxy\n"
	    "This version of Az.Ssh only supports version>Az.Ssh.ArcProxy",
	    "The PowerShell module with Microsoft's proxy is missing, or "
	    "has another major version than Az.Ssh wants.",
	    "Install-Module Az.Ssh.ArcProxy, or Update-Module "
	    "Az.Ssh.ArcProxy; or connect with ssh by arc-relay config "
	    "install, which needs no module." },
	{ "E104", "here", { EX_UNAVAILABLE }, 0,
	    "Unsuported architecture\n"
	    "Unsupported architecture\n"
	    "Couldn't identify the platform architecture\n"
	    "Unsuported OS\n"
	    "Unsupported OS",
	    "Microsoft offers no proxy for this processor or operating "
	    "system.",
	    "arc-relay config install; arc-relay-proxy is built from "
	    "source wherever there is Linux." },
	{ "E105", "here", { EX_UNAVAILABLE }, 0,
	    "Failed to download Arc Connectivity proxy\n"
	    "Attempt to download Arc Connectivity Proxy returned unexpected "
	    "result\n"
	    "Failed to download client proxy executable",
	    "az ssh wanted to download its proxy and could not, mostly "
	    "because a firewall does not allow the place.",
	    "arc-relay config install: arc-relay-proxy downloads nothing." },
	{ "E106", "here", { EX_DATAERR, EX_NOINPUT }, 0,
	    "cannot read relay information\n"
	    "relay information: is neither JSON nor base64\n"
	    "the relay information in>expired on",
	    "The relay information of -r cannot be read, or is past its "
	    "end: what az ssh config writes is good for an hour at most.",
	    "Name the machine in place of a file: arc-relay config "
	    "install. Or write the file again with az ssh config." },
	{ "E107", "here", { EX_CONFIG }, 0,
	    "Bad owner or permissions on",
	    "Others can write the configuration of ssh, or it belongs to "
	    "somebody else, and ssh refuses to read it.",
	    "See that it is as you left it, then chmod 700 ~/.ssh and "
	    "chmod 600 ~/.ssh/config." },
	{ "E108", "here", { EX_CONFIG }, 0,
	    "Could not resolve hostname >.arc: Temporary failure in name "
	    "resolution\n"
	    "Could not resolve hostname >.arc: Name or service not known\n"
	    "Could not resolve hostname >.arc: nodename nor servname provided",
	    "The Include line for our blocks stands inside a Host or "
	    "Match block, or below one that answers first, so that ssh "
	    "never reads them for this host.",
	    "arc-relay config install puts the line to the top of "
	    "~/.ssh/config; ssh -G HOST shows what ssh makes of it." },
	{ "E109", "here", { EX_UNAVAILABLE }, 0,
	    "arc-relay-proxy: command not found\n"
	    "arc-relay-proxy: not found\n"
	    "arc-relay-proxy: No such file or directory\n"
	    "command not found: arc-relay-proxy\n"
	    "Unknown command: arc-relay-proxy",
	    "The program is not where it is looked for. Programs started "
	    "by a desktop, by cron or by VS Code have another PATH than "
	    "your shell.",
	    "arc-relay config install writes its absolute path; install "
	    "arc-relay and arc-relay-proxy in one folder." },
	{ "E110", "here", { EX_CONFIG }, 0,
	    "proxy dialer did not pass back a connection",
	    "ProxyUseFdpass is on for this host, and arc-relay-proxy "
	    "carries the bytes itself: it passes no descriptor.",
	    "Remove ProxyUseFdpass from the configuration of ssh for "
	    "this host." },
	{ "E111", "here", { EX_CONFIG }, 0,
	    "the clock here is\n"
	    "AADSTS700024\n"
	    "AADSTS500133",
	    "The clock of this computer differs from Azure's, so that "
	    "tokens and certificates look expired or not yet valid.",
	    "sudo timedatectl set-ntp true; timedatectl shows whether it "
	    "took." },
	{ "E112", "here", { EX_CANTCREAT, EX_TEMPFAIL },
	    EXPLAIN_LAST | EXPLAIN_WARNS,
	    "working without a cache",
	    "The folder of the cache, or that for state, cannot be "
	    "written or locked: it is somebody else's, open to others, "
	    "or on a disk that is full or read-only.",
	    "Give it to yourself with mode 0700; or set "
	    "ARC_RELAY_CACHE_DIR; or --no-cache." },
	{ "E201", "machine", { EX_NOHOST }, 0,
	    "The resource*was not found\n"
	    "-ResourceNotFound\n"
	    "ResourceGroupNotFound\n"
	    "Resource group>could not be found",
	    "There is no machine of that name in this group and "
	    "subscription, or your login cannot read it; Azure does not "
	    "say which.",
	    "arc-relay list NAME searches all subscriptions; arc-relay "
	    "whoami tells as whom. For az: az account set -s "
	    "SUBSCRIPTION." },
	{ "E202", "machine", { EX_NOHOST }, 0,
	    "Unable to determine the target machine type as Azure VM or "
	    "Arc Server\n"
	    "is an Arc Server\n"
	    "is an Azure VM",
	    "az took the machine for one of the other kind, or found it "
	    "in neither: it searches the active subscription only, and "
	    "needs the right to read it.",
	    "az account set -s SUBSCRIPTION, and the role Reader on the "
	    "machine. An Azure VM is reached by its address." },
	{ "E203", "machine", { EX_NOHOST }, 0,
	    "several machines can be called that",
	    "Several machines have this name, and none of them is taken.",
	    "Type NAME.GROUP, or NAME.GROUP.SUBSCRIPTION, or a resource "
	    "id: arc-relay list NAME shows them." },
	{ "E204", "machine", { EX_UNAVAILABLE }, 0,
	    "Agent Status>: Disconnected\n"
	    "Agent Status>: Expired\n"
	    "\"status\": \"Disconnected\"\n"
	    "\"status\": \"Expired\"",
	    "The machine's Arc agent has not reported to Azure for a "
	    "while: the machine is off, has no way to Azure, or its "
	    "agent is stopped. Expired means that it was away for so "
	    "long that it must be connected anew.",
	    "On the machine: sudo azcmagent show, sudo azcmagent check; "
	    "when it is Expired: sudo azcmagent connect." },
	{ "E205", "machine", { EX_UNAVAILABLE }, 0,
	    "The version of the Arc Agent,>is not compatible with this "
	    "version of the ssh extension\n"
	    "too old for a service configuration\n"
	    "too old for SSH",
	    "The machine's Arc agent is too old: SSH needs 1.13, and a "
	    "service configuration 1.31.",
	    "Upgrade azcmagent on the machine with its package manager; "
	    "arc-relay list --json shows the versions." },
	{ "E206", "machine", { EX_NOHOST }, 0,
	    "SubscriptionNotFound\n"
	    "InvalidAuthenticationTokenTenant\n"
	    "InvalidSubscriptionId\n"
	    "The access token is from the wrong issuer",
	    "The login is of one tenant and the machine's subscription "
	    "of another, or there is no such subscription.",
	    "arc-relay login --tenant TENANT, or az login --tenant "
	    "TENANT, with the tenant that the message names." },
	{ "E207", "machine", { EX_NOHOST }, EXPLAIN_RETRY,
	    "~\"count\": 0, \"data\": [],",
	    "Azure Resource Graph, by which names are found, has nothing: "
	    "it lists a machine some minutes after it was connected, and "
	    "only to who may read it.",
	    "Try again in some minutes; or give the resource id, which "
	    "works at once." },
	{ "E208", "machine", { EX_USAGE }, 0,
	    "SSH Login to AAD user is not currently supported for Windows\n"
	    "SSH Login using AAD credentials is not currently supported for "
	    "Windows\n"
	    "Please provide --local-user",
	    "A login by Entra is for Linux; a Windows machine wants a "
	    "user of its own.",
	    "ssh USER@HOST, or arc-relay config install --user USER." },
	{ "E301", "login", { EX_NOUSER }, EXPLAIN_LAST,
	    "Please run 'az login'\n"
	    "not logged in to Azure\n"
	    "no subscription found. run 'az login'",
	    "No token source gave a token: neither environment nor "
	    "identity nor a login of arc-relay or az.",
	    "arc-relay login, or az login. arc-relay whoami -v tells why "
	    "each source is passed over." },
	{ "E302", "login", { EX_NOUSER }, 0,
	    "json.decoder.JSONDecodeError\n"
	    "does not exist in MSAL token cache\n"
	    "Can't get attribute*msal",
	    "The token cache of the Azure CLI is spoilt, mostly by "
	    "several az at the same time.",
	    "az account clear && az login; or arc-relay login, which az "
	    "has no part in." },
	{ "E303", "login", { EX_NOUSER }, 0,
	    "-invalid_grant\n"
	    "AADSTS700082\n"
	    "AADSTS70043\n"
	    "AADSTS50173\n"
	    "AADSTS70008",
	    "The sign-in was good once and is no longer: it expired, or "
	    "was revoked, or the password was changed.",
	    "arc-relay login; or az login, if that is where the login is "
	    "from." },
	{ "E304", "login", { EX_NOPERM }, 0,
	    "-interaction_required\n"
	    "insufficient_claims\n"
	    "claims challenge\n"
	    "AADSTS50072\n"
	    "AADSTS50074\n"
	    "AADSTS50076\n"
	    "AADSTS50079\n"
	    "AADSTS53000\n"
	    "AADSTS53003\n"
	    "AADSTS50158",
	    "Conditional Access asks for more than was shown: a second "
	    "factor, a device, a place, or a sign-in of today.",
	    "arc-relay login --claims VALUE, or az login "
	    "--claims-challenge VALUE, with the value of the message. "
	    "Where that does not help, ask who keeps the rules of the "
	    "tenant." },
	{ "E305", "login", { EX_NOUSER }, 0,
	    "AADSTS7000215\n"
	    "AADSTS7000222\n"
	    "Invalid client secret\n"
	    "-invalid_client",
	    "The client secret of the application is wrong or has "
	    "expired. The secret is wanted, not its id.",
	    "az ad sp credential reset --id CLIENT-ID makes a new one." },
	{ "E306", "login", { EX_NOUSER }, 0,
	    "AADSTS700027\n"
	    "Client assertion>certificate>not registered\n"
	    "key was not found>thumbprint",
	    "The application does not know the certificate that signed "
	    "for it.",
	    "az ad app credential reset --id CLIENT-ID --cert @FILE "
	    "--append; compare the thumbprint with the one on Azure's "
	    "pages." },
	{ "E307", "login", { EX_NOUSER, EX_CONFIG }, 0,
	    "-unauthorized_client\n"
	    "AADSTS700016\n"
	    "AADSTS90002\n"
	    "was not found in the directory",
	    "Tenant and application do not belong together: the tenant "
	    "does not know the application, or there is no such tenant "
	    "in this cloud.",
	    "Correct AZURE_TENANT_ID and AZURE_CLIENT_ID, or --tenant "
	    "and --client-id." },
	{ "E308", "login", { EX_NOUSER }, 0,
	    "AADSTS70021\n"
	    "AADSTS700211\n"
	    "AADSTS700213\n"
	    "No matching federated identity record",
	    "No federated credential of the application matches the "
	    "token of Kubernetes, GitHub or Azure DevOps: issuer, "
	    "subject and audience must be the same to the letter.",
	    "az ad app federated-credential list --id CLIENT-ID shows "
	    "what is expected; the message what came." },
	{ "E309", "login", { EX_NOUSER }, 0,
	    "Identity not found\n"
	    "no managed identity\n"
	    "ManagedIdentityCredential>unavailable\n"
	    "Failed to connect to MSI",
	    "No managed identity is assigned to this machine, or not the "
	    "one that was asked for, or no token service answers here.",
	    "az vm identity assign -g GROUP -n VM; AZURE_CLIENT_ID "
	    "chooses one of several." },
	{ "E310", "login", { EX_NOPERM }, 0,
	    "Permission denied: '/var/opt/azcmagent/tokens\n"
	    "/var/opt/azcmagent/tokens>permission denied\n"
	    "you may not read the keys of the Azure Arc agent",
	    "The Arc agent gives a token only to who can read a file of "
	    "its group himds, and this user is not in it.",
	    "sudo usermod -aG himds $USER, then log in to the machine "
	    "again." },
	{ "E311", "login", { EX_NOUSER }, 0,
	    "token_type ssh-cert is not supported by this version of "
	    "Azure Portal",
	    "What gives tokens to this Cloud Shell gives no SSH "
	    "certificates.",
	    "az login within Cloud Shell; or a user of the machine with "
	    "a key: ssh -l USER -i KEY HOST." },
	{ "E312", "login", { EX_NOUSER }, 0,
	    "VM SSH currently doesn't support managed identity\n"
	    "a managed identity gets no SSH certificate",
	    "Managed identities get no SSH certificate. The relay itself "
	    "works with them.",
	    "Log in to the machine with a key; or arc-relay login as a "
	    "person or a service principal for the certificate." },
	{ "E313", "login", { EX_CONFIG }, 0,
	    "Unsupported cloud\n"
	    "The cloud>is not registered",
	    "The cloud is not one that is known by name.",
	    "--cloud-file FILE describes a cloud of your own; az cloud "
	    "list and arc-relay(1), CLOUDS, have those that are known." },
	{ "E314", "login", { EX_DATAERR }, 0,
	    "Public key is not ssh-rsa algorithm\n"
	    "Could not parse public key",
	    "Entra signs RSA keys only, and another kind was given.",
	    "arc-relay cert makes an RSA key of its own; for az: "
	    "ssh-keygen -t rsa -b 4096." },
	{ "E315", "login", { EX_TEMPFAIL, EX_OSERR, EX_PROTOCOL }, EXPLAIN_RETRY |
	    EXPLAIN_LAST,
	    "az did not answer in\n"
	    "You have > updates available. Consider updating your CLI\n"
	    "Do you want to continue? (autoupdate\n"
	    "Would you like to upgrade az",
	    "The Azure CLI is missing, too slow, or asks something that "
	    "nobody answers.",
	    "arc-relay login needs no az; else run az account "
	    "get-access-token once and see. ARC_RELAY_AZ_TIMEOUT gives "
	    "it more seconds." },
	{ "E401", "azure", { EX_NOPERM }, 0,
	    "AuthorizationFailed*listCredentials/action\n"
	    "does not have authorization to perform "
	    "action*listCredentials/action\n"
	    "relay information>failed>(AuthorizationFailed)\n"
	    "ListCredentials operation failed with error code 'Forbidden'\n"
	    "-AuthorizationFailed",
	    "The login lacks the right to get relay credentials of the "
	    "machine: "
	    "Microsoft.HybridConnectivity/endpoints/listCredentials/action.",
	    "An owner runs: az role assignment create --assignee "
	    "OBJECT-ID --role \"Virtual Machine Local User Login\" "
	    "--scope ID. A new role may need ten minutes; then arc-relay "
	    "cache clear." },
	{ "E402", "azure", { EX_NOPERM }, 0,
	    "AuthorizationFailed*Microsoft.HybridCompute/machines/read\n"
	    "does not have authorization to perform "
	    "action*Microsoft.HybridCompute/machines/read",
	    "The login may not read the machine.",
	    "Ask for the role Reader on the machine or its group: az "
	    "role assignment create --assignee OBJECT-ID --role Reader "
	    "--scope ID." },
	{ "E403", "azure", { EX_CONFIG }, 0,
	    "NoRegisteredProviderFound\n"
	    "MissingSubscriptionRegistration\n"
	    "The subscription is not registered to use namespace",
	    "The resource provider Microsoft.HybridConnectivity is not "
	    "registered in the subscription.",
	    "arc-relay register --subscription S, which waits until it is; "
	    "then restart the agent on the machine: sudo systemctl restart "
	    "himdsd." },
	{ "E404", "azure", { EX_CONFIG }, 0,
	    "ResourceNotFound*Microsoft.HybridConnectivity/endpoints\n"
	    "Microsoft.HybridConnectivity/endpoints/default*not found\n"
	    "SSH was never enabled for",
	    "SSH was never enabled for the machine: it has no relay "
	    "endpoint.",
	    "Somebody with the role Contributor or Owner runs once: "
	    "arc-relay enable NAME." },
	{ "E405", "azure", { EX_CONFIG }, 0,
	    "(PreconditionFailed)\n"
	    "Precondition Failed\n"
	    "\"PreconditionFailed\"\n"
	    "Port 22 is not allowed for SSH connections in this resource",
	    "The machine has an endpoint, and no service configuration "
	    "that lets SSH through it.",
	    "Somebody with the role Contributor or Owner runs once: "
	    "arc-relay enable NAME." },
	{ "E406", "azure", { EX_CONFIG }, 0,
	    "SSH connection is not enabled in the target port\n"
	    "that you are trying to connect to is not allowed\n"
	    "doesn't allow SSH connection to port\n"
	    "No ssh permission for port",
	    "The service configuration allows another port than the one "
	    "that was asked for.",
	    "Ask for the port that is allowed, ssh -p PORT; or have the "
	    "service configuration name yours: arc-relay enable --port "
	    "PORT NAME." },
	{ "E407", "azure", { EX_NOPERM }, 0,
	    "Client is not authorized to create a default connectivity "
	    "endpoint\n"
	    "Client is not authorized to create the default connectivity "
	    "endpoint\n"
	    "Client is not authorized to create or update the Service "
	    "Configuration\n"
	    "Client is not authorized to create a new service configuration\n"
	    "Failed to create default connectivty endpoint>Authorization "
	    "failure",
	    "To enable SSH for a machine takes the role Contributor or "
	    "Owner on it.",
	    "Hand the commands that arc-relay enable NAME prints to "
	    "somebody who has it; it is done once." },
	{ "E408", "azure", { EX_TEMPFAIL }, EXPLAIN_RETRY,
	    "TooManyRequests\n"
	    "RequestsThrottled\n"
	    "Operation returned an invalid status 'Too Many Requests'\n"
	    "Too many requests",
	    "Azure's management endpoint has had too many requests of "
	    "this login, and says how long to wait.",
	    "Wait as long as the message says. Before a large run: "
	    "arc-relay prepare, which gets all credentials at a pace that "
	    "Azure takes." },
	{ "E409", "azure", { EX_TEMPFAIL }, EXPLAIN_RETRY,
	    "InternalServerError\n"
	    "ServiceUnavailable>management.azure.com\n"
	    "management.azure.com>Connection reset by peer\n"
	    "GatewayTimeout\n"
	    "('Connection aborted.'",
	    "Azure's management endpoint has trouble, or the way there "
	    "has.",
	    "Try again; https://azure.status.microsoft tells of larger "
	    "trouble." },
	{ "E410", "azure", { EX_NOPERM }, 0,
	    "ScopeLocked\n"
	    "because following scope(s) are locked",
	    "A ReadOnly lock is on the machine, its group or its "
	    "subscription, and to list credentials is a write in its "
	    "eyes.",
	    "az lock list --resource ID names the lock; ask who set it." },
	{ "E411", "azure", { EX_NOPERM }, 0,
	    "RequestDisallowedByPolicy\n"
	    "was disallowed by policy",
	    "An Azure policy forbids what was asked for.",
	    "Ask who owns the policy that the message names for an "
	    "exemption." },
	{ "E412", "azure", { EX_PROTOCOL }, 0,
	    "KeyError: 'serviceConfigurationToken'\n"
	    "No relay information>returned",
	    "Azure's answer was not what the version of the interface "
	    "promises: something is missing in it.",
	    "Try again with -v, which shows the request id for Azure's "
	    "support; if Azure is well, it is a bug here." },
	{ "E501", "relay", { EX_UNAVAILABLE }, EXPLAIN_RETRY,
	    "There are no listeners connected for the endpoint\n"
	    "no listeners connected\n"
	    "None of the connected listeners accepted\n"
	    "the machine's Arc agent is not listening\n"
	    "the machine's Arc agent did not answer",
	    "The machine's Arc agent is not connected to the relay: the "
	    "machine is off, its agent is off, restarting or being "
	    "upgraded, or a firewall keeps it from "
	    "*.servicebus.windows.net:443.",
	    "On the machine: sudo azcmagent show, sudo azcmagent check; "
	    "restart the agent with sudo systemctl restart himdsd "
	    "arcproxyd, on Windows Restart-Service himds." },
	{ "E502", "relay", { EX_TEMPFAIL }, EXPLAIN_RETRY,
	    "Endpoint does not exist\n"
	    "the machine's endpoint is new",
	    "The machine's relay endpoint was made just now, or its "
	    "agent has not picked it up, which takes 30 to 90 seconds.",
	    "Try again in a minute. If it stays, restart the agent on "
	    "the machine: sudo systemctl restart himdsd arcproxyd; then "
	    "arc-relay enable NAME --recreate." },
	{ "E503", "relay", { EX_NOPERM }, 0,
	    "-error connecting to the address: 401\n"
	    "ExpiredToken*servicebus\n"
	    "The token has an invalid signature\n"
	    "InvalidSignature*websocket: bad handshake",
	    "The relay refused the credential: it has expired, is of "
	    "another machine, or the clock here is wrong.",
	    "arc-relay cache clear TARGET and again; check the clock; "
	    "write the file of -r again if there is one." },
	{ "E504", "relay", { EX_NOPERM }, 0,
	    "Ip has been prevented to connect to the endpoint",
	    "A firewall rule of the relay blocks the address of this "
	    "computer.",
	    "Ask its administrator for your address, or go through the "
	    "private endpoint: --connect-to HOST:443." },
	{ "E505", "relay", { EX_UNAVAILABLE }, 0,
	    "connection to localhost:>failed\n"
	    "target machine actively refused it\n"
	    "503>connect: connection refused\n"
	    "nothing listens on port >of the machine",
	    "The Arc agent is well, and nothing listens on the port on "
	    "the machine: its SSH server is stopped, not installed, or "
	    "on another port.",
	    "On Linux: sudo systemctl enable --now ssh (or sshd). On "
	    "Windows: Start-Service sshd; Set-Service sshd -StartupType "
	    "Automatic. For another port: -p PORT." },
	{ "E506", "relay", { EX_TEMPFAIL }, EXPLAIN_RETRY,
	    "-error connecting to the address: 503\n"
	    "-error connecting to the address: 502\n"
	    "-error connecting to the address: 500\n"
	    "-error connecting to the address: 429",
	    "The relay or the machine's agent has trouble for a moment, "
	    "or too many connect at once.",
	    "Try again in a minute, with fewer at a time; "
	    "https://azure.status.microsoft." },
	{ "E507", "relay", { EX_UNAVAILABLE }, 0,
	    "error copying information from the connection\n"
	    "wsarecv: An existing connection was forcibly closed by the "
	    "remote host",
	    "The connection was cut on the far side: the SSH server "
	    "stopped or refuses, an older agent does not allow the port, "
	    "or the agent was upgraded. The text does not tell which.",
	    "On the machine: sudo azcmagent config get "
	    "incomingconnections.ports, and azcmagent config set "
	    "incomingconnections.ports 22; look into the log of the SSH "
	    "server." },
	{ "E508", "relay", { EX_CONFIG }, 0,
	    "incomingconnections.enabled>: false",
	    "The agent's own policy on the machine forbids incoming "
	    "connections.",
	    "On the machine: sudo azcmagent config set "
	    "incomingconnections.enabled true." },
	{ "E509", "relay", { EX_PROTOCOL }, 0,
	    "-error connecting to the address: 400\n"
	    "-error connecting to the address: 410",
	    "The relay does not understand the request: the service "
	    "token is missing or wrong.",
	    "arc-relay cache clear TARGET and again; with -v the request "
	    "is shown without its secrets." },
	{ "E510", "relay", { EX_TEMPFAIL }, EXPLAIN_RETRY,
	    "-error connecting to the address: 408\n"
	    "did not answer the upgrade\n"
	    "i/o timeout>servicebus.windows.net\n"
	    "servicebus.windows.net>i/o timeout",
	    "The relay waits for the machine's agent to call back, and "
	    "the agent does not.",
	    "Try again; the machine may be overloaded, or asleep." },
	{ "E511", "relay", { EX_UNAVAILABLE }, 0,
	    "Bad remote protocol version identification\n"
	    "kex_exchange_identification: banner line contains invalid "
	    "characters\n"
	    "no SSH banner",
	    "The way to the machine is open, and what answers on the "
	    "port is no SSH server.",
	    "See on the machine what listens there: sudo ss -ltnp; use "
	    "the port of its SSH server, -p PORT." },
	{ "E512", "relay", { EX_IOERR, EX_PROTOCOL }, EXPLAIN_RETRY,
	    "websocket: close 1006\n"
	    "websocket: close 1011\n"
	    "websocket: close 1008\n"
	    "websocket: close 1001\n"
	    "ended the session without a word",
	    "The relay or the machine's agent ended a session that was "
	    "open.",
	    "Connect again. If it repeats at the same age of a session, "
	    "sudo azcmagent logs on the machine collects what support "
	    "will ask for." },
	{ "E513", "relay", { EX_IOERR }, EXPLAIN_RETRY |
	    EXPLAIN_LAST,
	    "the path to the relay is dead\n"
	    "client_loop: send disconnect: Broken pipe\n"
	    "Timeout, server>not responding",
	    "The path is dead: a laptop slept, the network was changed, "
	    "or a firewall forgot the connection.",
	    "Connect again; ServerAliveInterval 30 notices it sooner, "
	    "tmux keeps work alive." },
	{ "E514", "relay", { EX_CONFIG }, EXPLAIN_LAST,
	    "~Connection closed by UNKNOWN port 65535",
	    "ssh says this of every proxy that ended, whatever the "
	    "cause, and the cause itself was lost. After an update of az "
	    "or of the agent it is often a service configuration that is "
	    "older than the agent.",
	    "arc-relay explain tells the last cause of arc-relay-proxy; "
	    "ssh -v shows more. If it began with an update: arc-relay "
	    "enable NAME --recreate." },
	{ "E601", "network", { EX_UNAVAILABLE }, EXPLAIN_RETRY,
	    "Could not resolve host\n"
	    "Temporary failure in name resolution\n"
	    "Name or service not known\n"
	    "nodename nor servname provided\n"
	    "no such host\n"
	    "getaddrinfo failed\n"
	    "cannot resolve",
	    "A name has no address here: that of Azure's login, of its "
	    "management endpoint, of the relay "
	    "(*.servicebus.windows.net) or of the proxy.",
	    "Check the DNS; where only a proxy knows names: export "
	    "HTTPS_PROXY=http://PROXY:PORT." },
	{ "E602", "network", { EX_UNAVAILABLE }, EXPLAIN_RETRY,
	    "443>Connection timed out\n"
	    "443>Connection refused\n"
	    "Failed to connect to >Couldn't connect to server\n"
	    "Failed to connect to >port 443\n"
	    "connect: connection refused\n"
	    "-[Errno 111] Connection refused\n"
	    "-[Errno 110] Connection timed out\n"
	    "Network is unreachable\n"
	    "No route to host\n"
	    "Failed to establish a new connection",
	    "No connection to the host is possible: a firewall drops it, "
	    "or nobody listens.",
	    "Open port 443 to the hosts of Azure and to "
	    "*.servicebus.windows.net; or export "
	    "HTTPS_PROXY=http://PROXY:PORT." },
	{ "E603", "network", { EX_NOPERM, EX_CONFIG }, 0,
	    "HTTP code 407 from proxy\n"
	    "CONNECT tunnel failed, response 407\n"
	    "Tunnel connection failed: 407\n"
	    "Proxy Authentication Required",
	    "The HTTP proxy wants a user and a password.",
	    "Put USER:PASSWORD into a file of mode 0600 and name it with "
	    "--proxy-auth-file FILE or ARC_RELAY_PROXY_AUTH_FILE." },
	{ "E604", "network", { EX_NOPERM, EX_UNAVAILABLE, EX_CONFIG }, 0,
	    "Received HTTP code 403 from proxy after CONNECT\n"
	    "Received HTTP code 502 from proxy after CONNECT\n"
	    "CONNECT tunnel failed, response 403\n"
	    "CONNECT tunnel failed, response 502\n"
	    "Tunnel connection failed: 403\n"
	    "Tunnel connection failed: 502",
	    "The HTTP proxy does not allow the host, or cannot reach it.",
	    "Have the host allowed; or put it into NO_PROXY if it can be "
	    "reached without." },
	{ "E605", "network", { EX_CONFIG }, 0,
	    "CERTIFICATE_VERIFY_FAILED\n"
	    "certificate verify failed\n"
	    "server certificate verification failed\n"
	    "SSL certificate problem\n"
	    "self signed certificate in certificate chain\n"
	    "self-signed certificate in certificate chain\n"
	    "x509: certificate signed by unknown authority\n"
	    "unable to get local issuer certificate",
	    "The host's certificate is signed by somebody whom this "
	    "computer does not trust: most often a proxy that opens TLS.",
	    "Add the CA of the proxy: export SSL_CERT_FILE=/PATH/CA.pem, "
	    "for az REQUESTS_CA_BUNDLE; or to the system with "
	    "update-ca-certificates." },
	{ "E606", "network", { EX_PROTOCOL }, 0,
	    "TLS handshake>failed\n"
	    "remote error: tls:\n"
	    "ssl/tls alert handshake failure\n"
	    "alert handshake failure\n"
	    "ALERT_HANDSHAKE_FAILURE\n"
	    "wrong version number\n"
	    "SSL_ERROR_SYSCALL\n"
	    "UNEXPECTED_EOF_WHILE_READING\n"
	    "TLS/SSL connection has been closed (EOF)\n"
	    "unexpected eof while reading\n"
	    "tls: first record does not look like a TLS handshake",
	    "Something between here and the host ends or spoils TLS.",
	    "Try another network; arc-relay-proxy -vv shows how far it "
	    "came." },
	{ "E607", "network", { EX_PROTOCOL }, 0,
	    "-<html\n"
	    "-<!DOCTYPE html\n"
	    "captive portal\n"
	    "invalid character '<' looking for beginning of value",
	    "A captive portal or an inspecting proxy answered in place "
	    "of Azure, with a page for people.",
	    "Open a browser and see whether a login page comes; or try "
	    "another network." },
	{ "E608", "network", { EX_PROTOCOL }, 0,
	    "426 Upgrade Required\n"
	    "-error connecting to the address: 426",
	    "A proxy in between does not pass WebSocket upgrades.",
	    "Have it pass the relay's host untouched, by CONNECT: "
	    "--proxy http://PROXY:PORT." },
	{ "E701", "ssh", { EX_NOPERM }, EXPLAIN_LAST,
	    "Permission denied (publickey\n"
	    "Permission denied, please try again",
	    "The way to the machine is open; its SSH server does not "
	    "take the key or the password for this user.",
	    "ssh -v shows the user and the keys that are tried; the "
	    "public key belongs into ~/.ssh/authorized_keys on the "
	    "machine, of a Windows administrator into "
	    "C:\\ProgramData\\ssh\\administrators_authorized_keys." },
	{ "E702", "ssh", { EX_NOPERM }, 0,
	    "Offering public key: >-CERT *Permission denied (publickey\n"
	    "Offering public key: >-CERT *Authentications that can continue: "
	    "*Authentications that can continue: *Permission denied "
	    "(publickey\n"
	    "Offering public key: >-CERT *Authentications that can continue: "
	    "*Authentications that can continue: *Authentications that can "
	    "continue: *Authentications that can continue: *Permission "
	    "denied (publickey\n"
	    "AuthorizedKeysCommand /usr/sbin/aad_certhandler>failed\n"
	    "Could not find>AADSSHLogin",
	    "The certificate of Entra was offered and refused: you have "
	    "no role to log in, or the extension that asks Entra is not "
	    "on the machine.",
	    "az role assignment create --assignee OBJECT-ID --role "
	    "\"Virtual Machine User Login\" --scope ID; az "
	    "connectedmachine extension create --type "
	    "AADSSHLoginForLinux, whole in arc-relay-errors(7), E702." },
	{ "E703", "ssh", { EX_CONFIG }, 0,
	    "no mutual signature algorithm\n"
	    "The public key is of type ssh-rsa, not a certificate\n"
	    "no mutual signature supported\n"
	    "Skipping >-cert-v01@openssh.com key >not in "
	    "PubkeyAcceptedAlgorithms\n"
	    "signature algorithm >-cert-v01@openssh.com not in "
	    "PubkeyAcceptedAlgorithms\n"
	    "certificate signature algorithm >: signature algorithm not "
	    "supported",
	    "An old SSH server and a new client, before 7.8 and from 8.8 "
	    "on, have no common way to sign with an RSA certificate.",
	    "Update the server; or for this host alone: "
	    "PubkeyAcceptedAlgorithms +ssh-rsa-cert-v01@openssh.com." },
	{ "E704", "ssh", { EX_NOUSER }, 0,
	    "Certificate invalid: expired\n"
	    "certificate has expired>ssh",
	    "The SSH certificate is past its end; those of Entra are "
	    "good for about an hour.",
	    "arc-relay cert renews it; arc-relay config install --entra "
	    "has ssh do so by itself." },
	{ "E705", "ssh", { EX_NOPERM }, 0,
	    "REMOTE HOST IDENTIFICATION HAS CHANGED\n"
	    "Host key verification failed",
	    "The machine shows another host key than before: it was made "
	    "anew under the same name, or another one poses as it.",
	    "Ask who runs it; if it is new: ssh-keygen -R NAME -f "
	    "~/.ssh/known_hosts.arc, with the name that ssh shows." },
	{ "E706", "ssh", { EX_TEMPFAIL }, EXPLAIN_RETRY |
	    EXPLAIN_LAST,
	    "Connection timed out during banner exchange\n"
	    "Connection to UNKNOWN port 65535 timed out\n"
	    "Timeout (>) waiting for privilege escalation prompt",
	    "ConnectTimeout of ssh was over before the machine answered "
	    "and before arc-relay-proxy could tell the reason; ansible "
	    "and VS Code set one of their own.",
	    "arc-relay prepare NAME waits for the machine first; ssh -o "
	    "ConnectTimeout=120; for ansible timeout = 120, for "
	    "VS Code remote.SSH.connectTimeout: arc-relay-config(1), "
	    "EXAMPLES." },
	{ "E707", "ssh", { EX_SOFTWARE }, EXPLAIN_RETRY |
	    EXPLAIN_LAST,
	    "~kex_exchange_identification: Connection closed by remote host "
	    "Connection closed by UNKNOWN port 65535\n"
	    "~kex_exchange_identification: Connection closed by remote host\n"
	    "~kex_exchange_identification: read: Connection reset by peer\n"
	    "~ssh_exchange_identification: Connection closed by remote host",
	    "The proxy or the SSH server ended before it said a word, "
	    "and no message of arc-relay-proxy is in the text.",
	    "arc-relay explain shows the last error of arc-relay-proxy; "
	    "ssh -v shows what was started. A server that limits new "
	    "connections (MaxStartups) does this too." },
	{ "E708", "ssh", { EX_CONFIG }, 0,
	    "UNPROTECTED PRIVATE KEY FILE\n"
	    "Permissions >for '>' are too open\n"
	    "Load key>: bad permissions",
	    "Others can read the file of the private key, and ssh does "
	    "not use such a key.",
	    "chmod 600 FILE." },
	{ "E709", "ssh", { EX_CONFIG }, 0,
	    "Too many authentication failures",
	    "The SSH agent offered so many keys that the server ended "
	    "before the right one came.",
	    "IdentitiesOnly yes and IdentityFile KEY for this host: "
	    "arc-relay config install --identity KEY writes both." },
	{ "E710", "ssh", { EX_NOPERM }, 0,
	    "Your account has expired; please contact your system "
	    "administrator",
	    "The account has an end in the image of the machine, as "
	    "older AKS nodes have it.",
	    "Upgrade the node image; meanwhile kubectl debug node/NODE "
	    "gives a shell." },
	{ "E711", "ssh", { EX_PROTOCOL }, 0,
	    "message authentication code incorrect\n"
	    "Corrupted MAC on input",
	    "Bytes were changed on the way: by a middlebox, or by a bug.",
	    "Try another network. If it repeats there it is a bug here: "
	    "report it with the output of arc-relay version and ssh -v." },
	{ "E801", "vm", { EX_NOINPUT }, 0,
	    "An RSA key file or key value must be supplied to SSH Key "
	    "Value",
	    "az found no public key at ~/.ssh/id_rsa.pub.",
	    "Let az make one with --generate-ssh-keys, or name yours "
	    "with --ssh-key-value FILE." },
	{ "E802", "vm", { EX_CONFIG }, 0,
	    "ssh.service*disabled*Active: inactive (dead)\n"
	    "sshd.service*disabled*Active: inactive (dead)\n"
	    "~connect to host >port 22: Connection refused",
	    "The SSH server is switched off: on a node of AKS because "
	    "the pool has sshAccess Disabled.",
	    "az aks nodepool update -g GROUP --cluster-name CLUSTER -n "
	    "POOL --ssh-access localuser, then az aks nodepool upgrade "
	    "with --node-image-only. On other machines: sudo systemctl "
	    "enable --now ssh." },
	{ "E803", "vm", { EX_TEMPFAIL }, EXPLAIN_RETRY,
	    "This change will take effect after you upgrade the nodepool",
	    "The pool has its new way of SSH access, and its nodes have "
	    "not: it takes effect with the next node image.",
	    "az aks nodepool upgrade -g GROUP --cluster-name CLUSTER -n "
	    "POOL --node-image-only." },
	{ "E804", "vm", { EX_CONFIG }, 0,
	    "Microsoft.ContainerService/DisableSSHPreview is not enabled\n"
	    "Microsoft.ContainerService/EntraIdSSHPreview is not enabled\n"
	    "DisableSSHPreview>NotRegistered\n"
	    "EntraIdSSHPreview>NotRegistered\n"
	    "DisableSSHPreview\", \"properties\": { \"state\": "
	    "\"NotRegistered\"\n"
	    "EntraIdSSHPreview\", \"properties\": { \"state\": "
	    "\"NotRegistered\"\n"
	    "unrecognized arguments: --ssh-access",
	    "The preview of AKS is not enabled in the subscription, or "
	    "the extension aks-preview of az is too old for it.",
	    "az feature register --namespace Microsoft.ContainerService "
	    "--name NAME; az provider register -n "
	    "Microsoft.ContainerService; az extension update -n "
	    "aks-preview." },
	{ "E805", "vm", { EX_UNAVAILABLE }, 0,
	    "node resource group deny assignment created by Azure Kubernetes "
	    "Services\n"
	    "Entra ID SSH>not yet available for Windows\n"
	    "Entra ID SSH>not supported for AKS automatic",
	    "Nodes of Windows and of AKS Automatic take no SSH login by "
	    "Entra: the first have none yet, and nobody can be given a "
	    "role in the node resource group of the others.",
	    "Use a local user for SSH, or kubectl debug node/NODE." },
	{ "E806", "vm", { EX_TEMPFAIL }, EXPLAIN_RETRY,
	    "",
	    "az aks update --ssh-key-value changes the key of nodes to "
	    "come: those that run keep the old one until their next "
	    "image.",
	    "az aks nodepool upgrade -g GROUP --cluster-name CLUSTER -n "
	    "POOL --node-image-only." },
	{ "E807", "vm", { EX_UNAVAILABLE }, 0,
	    "does not have a public IP address to SSH to",
	    "The virtual machine has private addresses only.",
	    "az ssh vm --prefer-private-ip from its network, Azure "
	    "Bastion, or connect the machine to Azure Arc." },
	{ "E808", "vm", { EX_NOPERM }, 0,
	    "\"access\": \"Deny\", \"ruleName\"\n"
	    "~connect to host >port 22: Connection timed out\n"
	    "~connect to host >port 22: No route to host\n"
	    "~connect to host >port 22: Operation timed out",
	    "Nothing answers on the port of SSH: a network security group "
	    "lets nothing in, or the machine is off.",
	    "az network nsg rule create -g GROUP --nsg-name NSG -n ssh "
	    "--priority 1000 --access Allow --protocol Tcp "
	    "--destination-port-ranges 22 --source-address-prefixes "
	    "YOUR-ADDRESS." },
	{ "E809", "vm", { EX_DATAERR }, 0,
	    "BEGIN CERTIFICATE*ssh-rsa\n"
	    "error in libcrypto\n"
	    "is not a valid SSH public key\n"
	    "is not a public key file\n"
	    "Load key>invalid format",
	    "The key is in another format than the one that is wanted: "
	    "PEM, DER or the line of OpenSSH.",
	    "A public key as a line for ssh: ssh-keygen -i -m PKCS8 -f "
	    "FILE; a private one: ssh-keygen -p -f FILE rewrites it; of "
	    "a certificate: openssl x509 -in FILE -pubkey -noout." },
};

const size_t explain_rows = sizeof(explain_table) / sizeof(explain_table[0]);
