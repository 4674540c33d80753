"""What people see when a connection fails, as ssh, az, Az.Ssh, Microsoft's sshproxy and others print it: a text an id."""

TRACKING = " TrackingId:7e6c3b5a-91cf-4d70-8b61-0d7b3f1c2a55_G13, SystemTracker:sb://ns1/x, Timestamp:2025-04-24T11:08:04"
DIAL = 'time="2025-04-24T13:08:05+02:00" level=fatal msg="sshproxy: error connecting to the address: '
AZ = "ERROR: Request for Azure Relay Information Failed:\n"

SAMPLES = {
    "E101": "Failed to create ssh key file with error: [Errno 2] No such file or directory: 'ssh-keygen'.\n",
    "E102": "/bin/sh: line 1: /home/ada/.clientsshproxy/sshProxy_linux_amd64: cannot execute: Permission denied\n",
    "E103": "Failed to find the PowerShell module Az.Ssh.ArcProxy installed in this machine. You must have it\n",
    "E104": "Unsuported architecture: riscv64 is not currently supported\n",
    "E105": "Failed to download Arc Connectivity proxy with error: <urlopen error [Errno 110] Connection timed out>\n",
    "E106": "arc-relay-proxy: cannot read relay information from /tmp/x: No such file or directory\n",
    "E107": "Bad owner or permissions on /home/ada/.ssh/config\n",
    "E109": "/bin/bash: line 1: exec: arc-relay-proxy: not found\nConnection closed by UNKNOWN port 65535\n",
    "E110": "proxy dialer did not pass back a connection\n",
    "E111": "AADSTS700024: Client assertion is not within its valid time range. Current time: 2026-11-21T11:00:00Z\n",
    "E112": "arc-relay: working without a cache: /home/ada/.cache: Read-only file system\n",
    "E201": "(ResourceNotFound) The Resource 'Microsoft.HybridCompute/machines/web01' under resource group 'rg' was not "
            "found.\n",
    "E202": "Unable to determine the target machine type as Azure VM or Arc Server. Errors:\n",
    "E203": "arc-relay: several machines can be called that: web01.a, web01.b and 1 more\n",
    "E204": "Resource Name : web01\nAgent Status                            : Disconnected\n",
    "E206": "(InvalidAuthenticationTokenTenant) The access token is from the wrong issuer\n",
    "E208": "SSH Login to AAD user is not currently supported for Windows. Please provide --local-user.\n",
    "E301": "ERROR: Please run 'az login' to setup account.\n",
    "E302": "  File \"/opt/az/lib/python3.11/json/decoder.py\", line 355, in raw_decode\njson.decoder.JSONDecodeError: "
            "Expecting value: line 1 column 1 (char 0)\n",
    "E303": '{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token has expired"}\n',
    "E304": '{"error":"invalid_grant","error_description":"AADSTS50076: Due to a configuration change you must use '
            'multi-factor authentication"}\n',
    "E305": '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}\n',
    "E306": '{"error":"invalid_client","error_description":"AADSTS700027: The certificate with identifier used to sign '
            'the client assertion is not registered on application."}\n',
    "E307": "unauthorized_client: AADSTS700016: Application with identifier '1' was not found in the directory 'Contoso'\n",
    "E308": '{"error":"invalid_client","error_description":"AADSTS700213: No matching federated identity record found '
            'for presented assertion subject"}\n',
    "E309": '{"error":"invalid_request","error_description":"Identity not found"}\n',
    "E310": "PermissionError: [Errno 13] Permission denied: '/var/opt/azcmagent/tokens/1d8e.key'\n",
    "E311": "token_type ssh-cert is not supported by this version of Azure Portal. Please refresh\n",
    "E312": "VM SSH currently doesn't support managed identity.\n",
    "E313": "Unsupported cloud AzureStackHub. Supported clouds include azurecloud\n",
    "E314": "Could not parse public key. Error: Public key is not ssh-rsa algorithm (ssh-ed25519)\n",
    "E315": "arc-relay: az did not answer in 10 s\n",
    "E401": AZ + "(AuthorizationFailed) The client 'ada' with object id '1' does not have authorization to perform action "
            "'Microsoft.HybridConnectivity/endpoints/listCredentials/action' over scope '/subscriptions/1'\n",
    "E402": "(AuthorizationFailed) The client 'ada' with object id '1' does not have authorization to perform action "
            "'Microsoft.HybridCompute/machines/read' over scope '/subscriptions/1'\nCode: AuthorizationX\n",
    "E403": AZ + "(NoRegisteredProviderFound) No registered resource provider found for location 'westeurope'\n",
    "E404": "(ResourceNotFound) The Resource 'Microsoft.HybridConnectivity/endpoints/default' under web01 is absent\n",
    "E405": "Operation returned an invalid status 'Precondition Failed'\n",
    "E406": "SSH connection is not enabled in the target port 2222. Would you like to add port 2222?\n",
    "E407": "Client is not authorized to create a default connectivity endpoint for web01 in the Resource Group rg.\n",
    "E408": "(TooManyRequests) The request is being throttled.\n",
    "E409": "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))\n",
    "E410": "(ScopeLocked) The scope '/x' cannot perform write operation because following scope(s) are locked: '/x'.\n",
    "E411": "(RequestDisallowedByPolicy) Resource 'default' was disallowed by policy.\n",
    "E412": "KeyError: 'serviceConfigurationToken'\n",
    "E501": DIAL + "404 There are no listeners connected for the endpoint." + TRACKING + '. websocket: bad handshake"\n'
            "Connection closed by UNKNOWN port 65535\n",
    "E502": DIAL + "404 Endpoint does not exist." + TRACKING + '. websocket: bad handshake"\n',
    "E503": DIAL + '401 The token has an invalid signature.. websocket: bad handshake"\n',
    "E504": DIAL + '403 Ip has been prevented to connect to the endpoint.. websocket: bad handshake"\n',
    "E505": DIAL + "503 connection to localhost:22 failed: dial tcp [::1]:22: connectex: No connection could be made because "
            'the target machine actively refused it.. websocket: bad handshake"\nConnection closed by UNKNOWN port 65535\n',
    "E506": DIAL + '503 Server busy. websocket: bad handshake"\n',
    "E507": '{"level":"fatal","msg":"sshproxy: error copying information from the connection: read tcp 10.0.0.4:50000-'
            '>40.1.2.3:443: wsarecv: An existing connection was forcibly closed by the remote host.","proxyVersion":"1.3"}\n',
    "E508": "incomingconnections.enabled (bool)\n  Value: false\n",
    "E509": DIAL + '400 Bad Request. websocket: bad handshake"\n',
    "E510": DIAL + 'dial tcp: read: ns1.servicebus.windows.net:443: i/o timeout"\n',
    "E511": "kex_exchange_identification: banner line contains invalid characters\nbanner exchange: invalid format\n",
    "E512": "websocket: close 1006 (abnormal closure): unexpected EOF\n",
    "E513": "client_loop: send disconnect: Broken pipe\n",
    "E514": "Connection closed by UNKNOWN port 65535\n",
    "E601": "curl: (6) Could not resolve host: management.azure.com\n",
    "E602": "dial tcp 20.1.2.3:443: connect: Connection refused\n",
    "E603": "curl: (56) Received HTTP code 407 from proxy after CONNECT\n",
    "E604": "curl: (56) Received HTTP code 403 from proxy after CONNECT\n",
    "E605": "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain\n",
    "E606": "remote error: tls: handshake failure\n",
    "E607": "invalid character '<' looking for beginning of value\n",
    "E608": "HTTP/1.1 426 Upgrade Required\n",
    "E701": "azureuser@web01: Permission denied (publickey).\n",
    "E702": "debug1: Offering public key: /home/ada/.ssh/id_rsa-cert.pub RSA-CERT SHA256:abc explicit\n"
            "debug1: Authentications that can continue: publickey\nada@web01: Permission denied (publickey).\n",
    "E703": "debug1: send_pubkey_test: no mutual signature algorithm\n",
    "E704": "sshd[812]: error: Certificate invalid: expired\n",
    "E705": "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\n",
    "E706": "Connection timed out during banner exchange\nConnection to UNKNOWN port 65535 timed out\n",
    "E707": "kex_exchange_identification: Connection closed by remote host\n",
    "E708": "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\nPermissions 0644 for 'id_rsa' are too open.\n",
    "E709": "Received disconnect from UNKNOWN port 65535:2: Too many authentication failures\n",
    "E710": "Your account has expired; please contact your system administrator.\n",
    "E711": "Corrupted MAC on input.\nssh_dispatch_run_fatal: Connection to UNKNOWN port 65535: message authentication code "
            "incorrect\n",
    "E801": "An RSA key file or key value must be supplied to SSH Key Value. You can use --generate-ssh-keys\n",
    "E802": "   Loaded: loaded (/lib/systemd/system/ssh.service; disabled; vendor preset: enabled)\n"
            "   Active: inactive (dead)\n",
    "E804": "az aks nodepool update: unrecognized arguments: --ssh-access localuser\n",
    "E807": "VM 'vm1' does not have a public IP address to SSH to\n",
    "E808": '    "name": "DenyAllInBound",\n    "priority": 65500,\n',
    "E809": 'Load key "key.cer": error in libcrypto\n',
}
